from __future__ import annotations

from numba.core import event

from bench.stage.functions import CameIn
from bootstrap.compile import compile_counting, compile_scoring
from contracts.events import ModelRef
from contracts.rules.file import load_rules
from contracts.settings import Settings
from models.annotator import Annotator
from models.base.artefact import load_artefact
from models.registry.champion import LoadedModel
from stream.codecs.prediction_decoder import ScoredReader
from stream.kafka.records import RecordBatch
from stream.scoring.scorer import Scorer


class Compilations(event.Listener):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_start(self, event: event.Event) -> None:
        self.names.append(str(event.data))

    def on_end(self, event: event.Event) -> None:
        pass


def test_nothing_is_left_to_compile_when_the_first_batch_comes() -> None:
    settings = Settings()
    compile_scoring(settings)
    compile_counting()
    scorer = Scorer(Annotator(load_rules(settings.rules)), "masked")
    loaded = LoadedModel.of(ModelRef("sentiment", "1"), load_artefact(settings.artefact))
    values = [
        b'{"id": "1", "text": "@airparadis lost my bag", "lang": "en", "created_at": "2026-11-20T10:00:00Z"}',
        '{"id": 2, "text": "encore un retard à Orly \\u2708", "created_at": "2026-11-20T10:00:00+01:00"}'.encode(),
        b"no tweet at all",
    ]
    compilations = Compilations()
    with event.install_listener("numba:compile", compilations):
        scored = scorer.score(RecordBatch([CameIn(b"1", value, 1) for value in values], 0, None), loaded, 2)
        events = [record.value for record in scored.predictions]
        counted = ScoredReader().read([*events, b"no event"], [1, 1, 1], lambda _row, _error: None)
    assert len(counted.values) == 2
    assert (len(scored.predictions), len(scored.dead_letters)) == (2, 1)
    assert compilations.names == []
