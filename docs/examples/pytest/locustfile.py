"""What the bakery's customers do."""

from locust import FastHttpUser, task


class Customer(FastHttpUser):
    """Looks at the page."""

    @task
    def look(self) -> None:
        """Look once."""
        self.client.get("/")
