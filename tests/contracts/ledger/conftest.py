from pathlib import Path

import pytest

from tests.contracts.ledger.fakes import Writer


@pytest.fixture
def ledger(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "ledger")
