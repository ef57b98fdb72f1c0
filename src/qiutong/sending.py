"""Coding with a language model: first what would be sent, to whom and for how much; then sending.

The two are apart, so that nobody has to trust a description: what is sent is what the plan holds.
Each document is stored when it is finished, in the order of the plan, whatever the number of
requests at once. Answers on a document that is not finished are kept, so that a run that was
stopped, or that failed, goes on in the middle of it. What is kept of an answer is what counts of
it: codes, and places of quotes; no words of the document and none of the model.
"""

import hashlib
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from qiutong.adding import Progress
from qiutong.coders.chat import ChatServer, Stopped, parse_endpoint
from qiutong.coders.llm import (
    TOKENS_PER_PROVISION,
    Answer,
    LlmCoder,
    estimate_tokens,
    llm_coder,
    split_batches,
    system_prompt,
    user_prompt,
)
from qiutong.errors import InputError, ModelServerError, ModelServerRefused, UnknownName
from qiutong.model import Coder, Document, Segment
from qiutong.settings import LlmSettings
from qiutong.store import CodedDocument

if TYPE_CHECKING:
    from qiutong.study import Study

FAILURES_IN_A_ROW = 3
"""After so many documents without a usable answer the run ends: the fault is not theirs."""

ESTIMATE = (
    "Tokens are estimated from the text (four letters or one ideograph a token, and "
    f"{TOKENS_PER_PROVISION} a provision for the answers), and can be off by a third or more."
)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is not sent, or was not coded, and why."""

    document: str
    reason: str


class DroppedCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code that the model gave and that did not count.

    Parameters
    ----------
    code
        Empty where the codebook has no such code.
    reason
        See :class:`qiutong.coders.llm.LlmCoder`.
    """

    document: str
    locator: str
    code: str
    reason: str


class PlannedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What would be sent of one document.

    Parameters
    ----------
    provisions
        Those still to be asked about.
    provisions_answered, requests_answered
        Those of an earlier run that did not finish the document; its answers are kept and the
        provisions are not sent again.
    characters
        Of the provisions to be sent; with headings and opening words, which go along, ``context`` more.
    tokens_in, tokens_out
        Estimated, the codebook in each request counted.
    fingerprint
        Of model, prompt version, codebook and text.
    """

    document: str
    language: str
    provisions: int
    provisions_answered: int
    characters: int
    context: int
    requests: int
    requests_answered: int
    tokens_in: int
    tokens_out: int
    fingerprint: str


class SendPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would send.

    Parameters
    ----------
    url, host, encrypted, local
        Where to; ``local`` where it is this machine itself.
    key_variable, key_found
        The environment variable for the key, and whether it holds one now. The key itself is in
        no plan and no report.
    refused
        Documents that must not leave the machine.
    unchanged
        Documents that this model has coded already, with this codebook and this text.
    codebook_characters
        What each request holds besides: rules and codebook, by language.
    cost
        In ``currency``, at the prices in the settings; None where they name none.
    budget
        The run ends once it has cost this much; 0 for no limit.
    """

    coder: Coder
    url: str
    host: str
    encrypted: bool
    local: bool
    key_variable: str
    key_found: bool
    documents: tuple[PlannedDocument, ...]
    refused: tuple[Refusal, ...]
    unchanged: tuple[str, ...]
    codebook_characters: dict[str, int]
    requests: int
    requests_answered: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    currency: str
    budget: float = 0.0
    estimate: str = ESTIMATE
    model: str = ""
    endpoint: str = ""


class SendReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did.

    Parameters
    ----------
    coded, unchanged, refused, failed
        Documents by what became of them; a failed one has no codings, and is asked about again
        next time.
    stopped
        Why the run ended early; empty where it did not.
    dropped, unusable
        Codes that did not count, and answers asked for again, by reason
        (see :class:`qiutong.coders.llm.LlmCoder`).
    dropped_codes
        The codes that did not count in the documents coded, by place.
    requests, tokens_in, tokens_out
        Made, and as counted by the server; 0 tokens where it does not say.
    models
        Names the server gave for the model.
    """

    coder: Coder
    coded: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: tuple[Refusal, ...]
    failed: tuple[Refusal, ...]
    stopped: str
    codings: int
    dropped: dict[str, int]
    dropped_codes: tuple[DroppedCode, ...]
    unusable: dict[str, int]
    requests: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    currency: str
    models: tuple[str, ...]


def plan_sending(
    study: "Study",
    ids: Sequence[str] = (),
    *,
    model: str = "",
    endpoint: str = "",
    again: bool = False,
) -> SendPlan:
    """Work out what coding with a language model would send; nothing is sent.

    Parameters
    ----------
    study
        The study; its settings name model and address unless they are given.
    ids
        Only these documents; all that have a text where empty.
    again
        Also documents that this model has coded before.

    Raises
    ------
    InputError
        No model or no address is named, or one of them cannot be used.
    UnknownName
        An id is no document of the study.
    """
    settings = study.settings.llm
    model, endpoint = model or settings.model, endpoint or settings.endpoint
    missing = [name for name, given in (("model", model), ("endpoint", endpoint)) if not given]
    if missing:
        raise InputError(
            f"{study.folder}: study.toml names no {' and no '.join(missing)} under [llm]. "
            "Nothing was sent. Name the server's address and the model there, or with --endpoint "
            "and --model."
        )
    coder = llm_coder(model)
    where = parse_endpoint(endpoint)
    held = {one.id: one for one in study.documents()}
    for one in ids:
        if one not in held:
            raise UnknownName("document", one, held)
    fingerprints = study.fingerprints(coder.version)
    done = {} if again else study.store.finished(coder.id)
    refused: list[Refusal] = []
    unchanged: list[str] = []
    planned: list[PlannedDocument] = []
    systems: dict[str, str] = {}
    for identity in dict.fromkeys(ids) or held:
        if identity not in fingerprints:
            if identity in ids:
                refused.append(Refusal(document=identity, reason="it is only listed: no text here"))
            continue
        reason = _never(held[identity], settings)
        if reason:
            # Marked since it was half sent: what came back goes too.
            study.store.forget_answers(identity)
            refused.append(Refusal(document=identity, reason=reason))
        elif done.get(identity) == fingerprints[identity]:
            unchanged.append(identity)
        else:
            planned.append(
                _plan_document(
                    study, identity, fingerprints[identity], settings, systems, coder, where.url
                )
            )
    tokens_in = sum(one.tokens_in for one in planned)
    tokens_out = sum(one.tokens_out for one in planned)
    return SendPlan(
        coder=coder,
        url=where.url,
        host=where.host,
        encrypted=where.encrypted,
        local=where.local,
        key_variable=settings.key_variable,
        key_found=bool(_key(settings)),
        documents=tuple(planned),
        refused=tuple(refused),
        unchanged=tuple(unchanged),
        codebook_characters={language: len(text) for language, text in systems.items()},
        requests=sum(one.requests for one in planned),
        requests_answered=sum(one.requests_answered for one in planned),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=_cost(settings, tokens_in, tokens_out),
        currency=settings.currency,
        budget=settings.budget,
        model=model,
        endpoint=endpoint,
    )


def _plan_document(
    study: "Study",
    identity: str,
    fingerprint: str,
    settings: LlmSettings,
    systems: dict[str, str],
    coder: Coder,
    url: str,
) -> PlannedDocument:
    document = study.document(identity)
    every = tuple(study.store.segments(document))
    if document.language not in systems:
        systems[document.language] = system_prompt(study.codebook, document.language)
    held = study.store.kept_answers(
        identity, coder.id, _answers_key(study, document, every, fingerprint, url)
    )
    segments = tuple(one for one in every if one.id not in held)
    batches = split_batches(segments, settings.provisions)
    # The prompts themselves, with a mark of the usual length: what is counted is what is sent.
    prompts = [user_prompt(document, batch, study.codebook, "0" * 16) for batch in batches]
    shown = sum(
        len(" › ".join(one.headings)) + (one.lead_in[1] - one.lead_in[0] if one.lead_in else 0)
        for one in segments
    )
    return PlannedDocument(
        document=identity,
        language=document.language,
        provisions=len(segments),
        provisions_answered=len(held),
        characters=sum(len(one.text) for one in segments),
        context=shown,
        requests=len(batches),
        requests_answered=len(split_batches(every, settings.provisions)) - len(batches),
        tokens_in=sum(map(estimate_tokens, prompts))
        + len(batches) * estimate_tokens(systems[document.language]),
        tokens_out=TOKENS_PER_PROVISION * len(segments),
        fingerprint=fingerprint,
    )


def send_plan(
    study: "Study",
    plan: SendPlan,
    *,
    progress: Progress | None = None,
    server: ChatServer | None = None,
) -> SendReport:
    """Send what a plan holds, and store each document's codings when it is finished.

    Parameters
    ----------
    study
        The study the plan was made for.
    plan
        From :func:`plan_sending`.
    progress
        Told of each request answered.
    server
        Another client than the settings give; for tests.

    Returns
    -------
    SendReport
        Also where the run ended early: then with the reason under ``stopped``.
    """
    settings = study.settings.llm
    if server is None:
        server = ChatServer(
            parse_endpoint(plan.endpoint),
            plan.model,
            key=_key(settings),
            timeout_s=settings.timeout_s,
            retries=settings.retries,
            temperature=settings.temperature,
            at_once=settings.requests_at_once,
            most_requests=2 * plan.requests + 20,
        )
    run = _Run(study, plan, server)
    run.go(progress)
    return SendReport(
        coder=run.coder.coder,
        coded=tuple(run.coded),
        unchanged=plan.unchanged,
        refused=tuple(run.refused),
        failed=tuple(run.failed),
        stopped=run.stopped,
        codings=run.codings,
        dropped=dict(run.coder.dropped),
        dropped_codes=tuple(run.dropped_codes),
        unusable=dict(run.coder.unusable),
        requests=server.requests,
        tokens_in=server.tokens_in,
        tokens_out=server.tokens_out,
        cost=_cost(settings, server.tokens_in, server.tokens_out) if server.tokens_in else None,
        currency=settings.currency,
        models=tuple(sorted(run.coder.models)),
    )


_Reply = tuple[dict[str, Answer], ModelServerError | None]


class _OpenDocument:
    """A document that is being asked about."""

    def __init__(
        self,
        planned: PlannedDocument,
        document: Document,
        segments: tuple[Segment, ...],
        key: str,
        answers: dict[str, Answer],
        waiting: list[list[Segment]],
    ) -> None:
        self.planned = planned
        self.document = document
        self.segments = segments
        self.key = key
        self.answers = answers
        self.waiting = deque(waiting)
        self.under_way = 0
        self.failure: ModelServerError | None = None

    @property
    def ended(self) -> bool:
        return not self.under_way and bool(self.failure or not self.waiting)


class _Run:
    """One run through a plan: threads ask, and this thread alone keeps and stores.

    Requests are made in the order of the plan, a few at once, and documents are stored in that
    order. The first request goes alone: a wrong key or address costs one.
    """

    def __init__(self, study: "Study", plan: SendPlan, server: ChatServer) -> None:
        self.coder = LlmCoder(study.codebook, server, provisions=study.settings.llm.provisions)
        self.coded: list[str] = []
        self.refused = list(plan.refused)
        self.failed: list[Refusal] = []
        self.dropped_codes: list[DroppedCode] = []
        self.codings = 0
        self.stopped = ""
        self._study = study
        self._plan = plan
        self._server = server
        self._fingerprints = study.fingerprints(plan.coder.version)
        self._todo = iter(plan.documents)
        self._open: deque[_OpenDocument] = deque()
        self._under_way: dict[Future[_Reply], _OpenDocument] = {}
        self._answered = 0
        self._failed_in_a_row = 0

    def go(self, progress: Progress | None) -> None:
        """Ask until all is answered or the run is stopped."""
        pool = ThreadPoolExecutor(self._study.settings.llm.requests_at_once)
        try:
            while True:
                self._ask_more(pool)
                self._finish_documents()
                if progress:
                    progress("asking the model", self._answered, self._plan.requests)
                if not self._under_way:
                    break
                # With a limit, so that Ctrl-C is heard on every system.
                ended, _ = wait(self._under_way, timeout=1.0, return_when=FIRST_COMPLETED)
                for one in ended:
                    self._keep(one)
        except BaseException:
            self._server.stop(cut=True)
            pool.shutdown(cancel_futures=True)
            # Answers that came in meanwhile are paid for.
            for one in list(self._under_way):
                if not one.cancelled():
                    self._keep(one)
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _ask_more(self, pool: ThreadPoolExecutor) -> None:
        most = self._study.settings.llm.requests_at_once if self._answered else 1
        while not self.stopped and len(self._under_way) < most:
            one = next((one for one in self._open if one.waiting and not one.failure), None)
            if one is None:
                planned = next(self._todo, None)
                if planned is None:
                    return
                self._begin(planned)
                continue
            if self._budget_is_spent():
                return
            future = pool.submit(self.coder.ask, one.document, one.waiting.popleft())
            one.under_way += 1
            self._under_way[future] = one

    def _budget_is_spent(self) -> bool:
        settings, server, plan = self._study.settings.llm, self._server, self._plan
        spent = (
            _cost(settings, server.tokens_in, server.tokens_out)
            if server.tokens_in
            else (plan.cost or 0.0) * self._answered / max(1, plan.requests)
        )
        if not settings.budget or (spent or 0.0) < settings.budget:
            return False
        self.stopped = (
            f"{spent:,.2f} {settings.currency} are spent, and the budget in study.toml is "
            f"{settings.budget:,.2f}. What was finished is kept; run the command again to go on."
        )
        return True

    def _begin(self, planned: PlannedDocument) -> None:
        study = self._study
        document = study.document(planned.document)
        # Asked again: between the plan and now somebody may have marked it, or changed its text.
        reason = _never(document, study.settings.llm)
        if reason:
            study.store.forget_answers(document.id)
        elif self._fingerprints.get(document.id) != planned.fingerprint:
            reason = "its text or the codebook has changed since the plan was made"
        if reason:
            self.refused.append(Refusal(document=document.id, reason=reason))
            return
        segments = tuple(study.store.segments(document))
        key = _answers_key(study, document, segments, planned.fingerprint, self._plan.url)
        held = study.store.kept_answers(document.id, self.coder.coder.id, key)
        left = [one for one in segments if one.id not in held]
        self._open.append(
            _OpenDocument(
                planned,
                document,
                segments,
                key,
                {one: msgspec.json.decode(text, type=Answer) for one, text in held.items()},
                split_batches(left, study.settings.llm.provisions),
            )
        )

    def _keep(self, future: "Future[_Reply]") -> None:
        """Take over what a thread brings, also where it is not all that was asked."""
        one = self._under_way[future]
        answers, failure = future.result()
        if answers:
            self._study.store.keep_answers(
                one.document.id,
                self.coder.coder.id,
                one.key,
                {segment: msgspec.json.encode(held).decode() for segment, held in answers.items()},
            )
            one.answers.update(answers)
            self._answered += 1
        del self._under_way[future]
        one.under_way -= 1
        one.failure = one.failure or failure
        if isinstance(failure, ModelServerRefused):
            self._stop(failure)

    def _finish_documents(self) -> None:
        while self._open and (self._open[0].ended or (self.stopped and not self._under_way)):
            one = self._open.popleft()
            if one.failure is None and one.ended:
                self._store(one)
                self._failed_in_a_row = 0
            elif one.failure is not None and not isinstance(one.failure, Stopped):
                self.failed.append(Refusal(document=one.document.id, reason=str(one.failure)))
                self._failed_in_a_row += 1
                if self._failed_in_a_row == FAILURES_IN_A_ROW:
                    self._stop(one.failure)

    def _store(self, one: _OpenDocument) -> None:
        codings = self.coder.read_answers(one.document, one.segments, one.answers)
        self._study.store.add_coded(
            CodedDocument(
                document=one.document.id,
                coder=self.coder.coder,
                codebook=self._study.codebook.name,
                fingerprint=one.planned.fingerprint,
                codings=codings,
            )
        )
        self.coded.append(one.document.id)
        self.codings += len(codings)
        self.dropped_codes += [
            DroppedCode(
                document=one.document.id,
                locator=segment.locator,
                code=drop.code,
                reason=drop.reason,
            )
            for segment in one.segments
            for drop in one.answers[segment.id].dropped
        ]

    def _stop(self, failure: ModelServerError) -> None:
        self.stopped = self.stopped or str(failure)
        self._server.stop()


def _answers_key(
    study: "Study", document: Document, segments: Sequence[Segment], fingerprint: str, url: str
) -> str:
    """Hash of all that an answer depends on: model, server, temperature, prompts and text."""
    parts = (
        fingerprint,
        url,
        f"{study.settings.llm.temperature:g}",
        system_prompt(study.codebook, document.language),
        # A mark of which no text can know beforehand, and the same each time.
        user_prompt(document, segments, study.codebook, fingerprint[:16]),
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _never(document: Document, settings: LlmSettings) -> str:
    """Say why a document must not leave the machine; empty where it may."""
    if document.never_send:
        return "the register says never_send"
    for pattern in settings.never_send:
        if fnmatchcase(document.id, pattern):
            return f'study.toml names it under llm.never_send ("{pattern}")'
    return ""


def _key(settings: LlmSettings) -> str:
    return os.environ.get(settings.key_variable, "").strip() if settings.key_variable else ""


def _cost(settings: LlmSettings, tokens_in: int, tokens_out: int) -> float | None:
    if not settings.price_in and not settings.price_out:
        return None
    return (tokens_in * settings.price_in + tokens_out * settings.price_out) / 1_000_000
