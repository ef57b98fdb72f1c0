"""Coding with a language model: first what would be sent, to whom and for how much; then sending.

The two are apart, so that nobody has to trust a description: what is sent is what the plan holds.
Each document is stored when it is finished, and a run that is stopped goes on where it was.
"""

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from qiutong.adding import Progress
from qiutong.coders.chat import ChatServer, parse_endpoint
from qiutong.coders.llm import (
    TOKENS_PER_PROVISION,
    LlmCoder,
    estimate_tokens,
    llm_coder,
    split_batches,
    system_prompt,
    user_prompt,
)
from qiutong.errors import InputError, ModelServerError, ModelServerRefused, UnknownName
from qiutong.model import Coder, Document
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


class PlannedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What would be sent of one document.

    Parameters
    ----------
    characters
        Of its provisions; with headings and opening words, which go along, ``context`` more.
    tokens_in, tokens_out
        Estimated, the codebook in each request counted.
    fingerprint
        Of model, prompt version, codebook and text.
    """

    document: str
    language: str
    provisions: int
    characters: int
    context: int
    requests: int
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
    tokens_in: int
    tokens_out: int
    cost: float | None
    currency: str
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
            refused.append(Refusal(document=identity, reason=reason))
        elif done.get(identity) == fingerprints[identity]:
            unchanged.append(identity)
        else:
            planned.append(
                _plan_document(study, identity, fingerprints[identity], settings, systems)
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
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=_cost(settings, tokens_in, tokens_out),
        currency=settings.currency,
        model=model,
        endpoint=endpoint,
    )


def _plan_document(
    study: "Study",
    identity: str,
    fingerprint: str,
    settings: LlmSettings,
    systems: dict[str, str],
) -> PlannedDocument:
    document = study.document(identity)
    segments = tuple(study.store.segments(document))
    batches = split_batches(segments, settings.provisions)
    if document.language not in systems:
        systems[document.language] = system_prompt(study.codebook, document.language)
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
        characters=sum(len(one.text) for one in segments),
        context=shown,
        requests=len(batches),
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
        Told of each document.
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
        )
    coder = LlmCoder(
        study.codebook,
        server,
        provisions=settings.provisions,
        most_requests=2 * plan.requests + 20,
    )
    coded: list[str] = []
    refused = list(plan.refused)
    failed: list[Refusal] = []
    count, in_a_row, stopped = 0, 0, ""
    fingerprints = study.fingerprints(plan.coder.version)
    for number, planned in enumerate(plan.documents):
        if progress:
            progress("asking the model", number, len(plan.documents))
        document = study.document(planned.document)
        # Asked again: between the plan and now somebody may have marked it, or changed its text.
        reason = _never(document, settings)
        if reason:
            refused.append(Refusal(document=document.id, reason=reason))
            continue
        if fingerprints.get(document.id) != planned.fingerprint:
            reason = "its text or the codebook has changed since the plan was made"
            refused.append(Refusal(document=document.id, reason=reason))
            continue
        try:
            codings = coder.code_document(document, tuple(study.store.segments(document)))
        except ModelServerError as error:
            failed.append(Refusal(document=document.id, reason=str(error)))
            in_a_row += 1
            if isinstance(error, ModelServerRefused) or in_a_row == FAILURES_IN_A_ROW:
                stopped = str(error)
                break
            continue
        in_a_row = 0
        study.store.add_coded(
            CodedDocument(
                document=document.id,
                coder=coder.coder,
                codebook=study.codebook.name,
                fingerprint=planned.fingerprint,
                codings=codings,
            )
        )
        coded.append(document.id)
        count += len(codings)
    if progress:
        progress("asking the model", len(plan.documents), len(plan.documents))
    return SendReport(
        coder=coder.coder,
        coded=tuple(coded),
        unchanged=plan.unchanged,
        refused=tuple(refused),
        failed=tuple(failed),
        stopped=stopped,
        codings=count,
        dropped=dict(coder.dropped),
        unusable=dict(coder.unusable),
        requests=server.requests,
        tokens_in=server.tokens_in,
        tokens_out=server.tokens_out,
        cost=_cost(settings, server.tokens_in, server.tokens_out) if server.tokens_in else None,
        currency=settings.currency,
        models=tuple(sorted(coder.models)),
    )


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
