from collections.abc import Iterator

import pytest

from tests.contracts.broker.stub import Stub, start_stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = start_stub("Bearer sesame")
    yield stub
    assert stub.provider is not None
    stub.provider.close()
