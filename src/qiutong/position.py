"""What a provision does about its subject: requires, prohibits, commits, encourages, warns, mentions.

Sentence vectors cannot see negation, so force and polarity come from rules over the words that
carry them (*must*, *may not*, 应当, 不得). A rule finds every such word, leaves out those inside
conditions and relative clauses, and takes the one that governs the evidence. An item of a list
without a word of its own takes the force of its lead-in.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from qiutong.model import Position

P = Position

# How surely a word carries force. FIRM: it binds, allows or promises. CLAIM: it says outright that
# harm may come. HINT: it suggests a force where nothing else does ("Expand access", "the risk of").
FIRM, CLAIM, HINT = 2, 1, 0


@dataclass(frozen=True, slots=True)
class _Marker:
    """A word that carries force: where it stands, what it says, and how surely."""

    start: int
    end: int
    position: Position
    weight: int

    @property
    def strong(self) -> bool:
        return self.weight == FIRM


def classify_position(
    sentence: str,
    language: str,
    lead_in: str = "",
    *,
    evidence: tuple[int, int] | None = None,
) -> Position:
    """Tell what a sentence does about its subject.

    Parameters
    ----------
    sentence
        One sentence, or one item of a list, in its original wording.
    language
        Language tag; rules exist for ``en`` and ``zh`` (simplified and traditional).
    lead_in
        Opening words the sentence depends on, such as "The Secretary shall:".
    evidence
        Offsets into ``sentence`` of the words whose force is asked, where a sentence says more
        than one thing; None asks for the first main clause.

    Returns
    -------
    Position
        ``mentions`` where nothing carries force, where a duty is expressly denied ("is not
        required to", 无需), and for languages without rules.

    Notes
    -----
    Permission (*may*, 可以) counts as ``encourages``, the weakest normative reading offered.
    *Should not* and 不应 count as ``prohibits``. "Must not fail to" and 不得不 are ``requires``;
    "may not refuse" and 不得拒绝 stay ``prohibits``: what they forbid is the refusal. A promise
    not to do something is ``commits``.

    Examples
    --------
    >>> classify_position("Providers must not remove the label.", "en")
    <Position.PROHIBITS: 'prohibits'>
    >>> classify_position("对生成内容添加标识。", "zh", "提供者应当履行下列义务：")
    <Position.REQUIRES: 'requires'>
    """
    rules = _RULES.get(language.lower().replace("_", "-").partition("-")[0])
    if rules is None:
        return P.MENTIONS
    if rules is _CHINESE:
        sentence, lead_in = _simplified(sentence), _simplified(lead_in)
    own = rules.read(sentence, evidence)
    if own is not None and own.strong:
        return own.position
    if lead_in.strip():
        above = rules.read(lead_in, None)
        # An item of a list of dangers warns, though by itself it might read as an aim; so does
        # harm that follows a bare "may:". A bare noun takes over duty.
        if rules.harms(lead_in, sentence) or (
            above is not None and above.position is P.WARNS and not above.strong
        ):
            return P.WARNS
        if above is not None and (above.strong or own is None):
            return above.position
    return own.position if own is not None else P.MENTIONS


class _Rules:
    """Markers and clause rules of one language."""

    def __init__(self, patterns: list[tuple[Position, int, str]], clause_break: str) -> None:
        self._meaning = [(position, weight) for position, weight, _ in patterns]
        self._pattern = re.compile(
            "|".join(f"(?P<m{i}>{pattern})" for i, (_, _, pattern) in enumerate(patterns)),
            re.IGNORECASE,
        )
        self._break = re.compile(clause_break, re.IGNORECASE)
        # A sentence is asked once for each code found in it.
        self._marked = lru_cache(maxsize=256)(self._mark)

    def read(self, sentence: str, evidence: tuple[int, int] | None) -> _Marker | None:
        """Give the marker that governs the evidence, or the first main clause, or None."""
        markers, warnings, clauses = self._marked(sentence)
        if evidence is not None:
            low, high = _clause_at(clauses, evidence[0])
            if not any(low <= one.start < high for one in markers if one.strong):
                # "We will publish it, but it may [endanger patients]" warns there.
                own = [one for one in warnings if low <= one.start < high]
                if own:
                    return own[0]
                if self.tells(sentence[low:high]):
                    return None
        return _governing(markers, clauses, evidence) if markers else None

    def _mark(
        self, sentence: str
    ) -> tuple[tuple[_Marker, ...], tuple[_Marker, ...], tuple[tuple[int, int], ...]]:
        """Find the markers of the best rank there is, warnings that stand by themselves, clauses."""
        clauses = self._clauses(sentence)
        quoted = self._quotations(sentence)
        main: list[_Marker] = []
        fallback: list[_Marker] = []
        warnings: list[_Marker] = []
        for hit in self.hits(sentence):
            position, weight = self._meaning[int((hit.lastgroup or "m0")[1:])]
            marker = _Marker(hit.start(), hit.end(), position, weight)
            if any(a <= marker.start < b for a, b in quoted):
                continue
            clause = _clause_at(clauses, hit.start())
            rank = self.rank(sentence, clause, marker)
            if position is P.WARNS and self.stands_alone(sentence, clause, marker, rank):
                warnings.append(marker)
            if rank == 0:
                main.append(marker)
            elif rank == 1:
                fallback.append(marker)
        pools = ([m for m in main if m.strong], [m for m in fallback if m.strong], main)
        return tuple(next((pool for pool in pools if pool), ())), tuple(warnings), clauses

    @staticmethod
    def _quotations(sentence: str) -> list[tuple[int, int]]:
        """Find what is quoted after other words: "must" in a quotation binds nobody.

        A sentence that begins with its quotation mark, or inserts the words into a law, is one
        that speaks itself.
        """
        return [
            hit.span("words")
            for hit in _QUOTATION.finditer(sentence)
            if not _INSERTED.search(sentence[: hit.start()])
        ]

    def hits(self, sentence: str) -> Iterator[re.Match[str]]:
        """Every match of a pattern, from left to right, not overlapping."""
        return self._pattern.finditer(sentence)

    def rank(self, sentence: str, clause: tuple[int, int], marker: _Marker) -> int:
        """Say whether a marker is in a main clause (0), usable if there is no other (1), or not."""
        raise NotImplementedError

    def stands_alone(
        self, sentence: str, clause: tuple[int, int], marker: _Marker, rank: int
    ) -> bool:
        """Whether a warning is one by itself beside a duty: a contrast, a reason, a claim."""
        raise NotImplementedError

    def tells(self, clause: str) -> bool:
        """Whether a clause tells a fact of its own, which no duty before it governs."""
        raise NotImplementedError

    def harms(self, lead_in: str, item: str) -> bool:
        """Whether a lead-in that ends in "may" is followed by harm."""
        raise NotImplementedError

    def _clauses(self, sentence: str) -> tuple[tuple[int, int], ...]:
        cuts = [0, *(hit.end() for hit in self._break.finditer(sentence)), len(sentence) + 1]
        return tuple((a, b) for a, b in pairwise(cuts) if a < b)


_QUOTATION = re.compile(r"(?<=[\w,:，：])\s?[\"“「](?P<words>[^\"”」]+)[\"”」]")
_INSERTED = re.compile(
    r"(?:insert\w*|add\w*|read\w*|follow\w*|修改为|增加|表述为)\W*$", re.IGNORECASE
)


def _clause_at(clauses: Sequence[tuple[int, int]], place: int) -> tuple[int, int]:
    return next((c for c in clauses if c[0] <= place < c[1]), clauses[-1])


def _governing(
    markers: Sequence[_Marker],
    clauses: Sequence[tuple[int, int]],
    evidence: tuple[int, int] | None,
) -> _Marker:
    """Pick the marker over the evidence: in its clause, nearest before; else before; else after."""
    if evidence is None:
        return markers[0]
    start = evidence[0]
    low, high = _clause_at(clauses, start)
    inside = [m for m in markers if low <= m.start < high]
    for pool in (inside, markers):
        before = [m for m in pool if m.start <= start]
        if before:
            return before[-1]
        if pool:
            return pool[0]
    return markers[0]


# --------------------------------------------------------------------------- English

_HARM = (
    r"(?:lead(?:s|ing)? to|result(?:s|ing)? in|caus(?:e|es|ing)|give rise|contribut\w+ to"
    r"|pos(?:e|es|ing)|harm|hurt|undermin\w+|threaten|exacerbat\w+|amplif\w+|perpetuat\w+"
    r"|endanger|jeopardi[sz]e|erode|damage|reinforc\w+|mislead|deceive|disrupt|exploit|worsen|fail\b"
    r"|discriminate|hallucinat\w+|impair|compromise|destabili[sz]e|entrench|weaken|distort"
    r"|lower (?:the )?(?:barriers?|bar|threshold)|poison|paraly[sz]e|hijack|sabotage|destroy|ruin"
    r"|worsen|deepen|widen|kill|injure|overwhelm|steal|forge|escalate|spiral|collapse|suffer"
    r"|act against|turn against|go wrong|bring down|drive out|crowd out|lose (?:control|trust|their)"
    r"|be (?:brought down|hijacked|poisoned|forged|deceived|paraly[sz]ed|overwhelmed|excluded"
    r"|misused|abused|attacked|harmed|injured|killed|stolen)"
    r"|(?:plan|carry out|launch|mount) (?:[\w-]+ ){0,2}?attacks?|evade|escape|leak|reveal|expose|infringe|violate|displace"
    r"|(?:create|present|introduce|raise|carry|increase|entail)s? (?:[\w-]+ ){0,4}?"
    r"(?:risks?|threats?|dangers?|harms?|hazards?|concerns?|vulnerabilit\w+)"
    r"|produce (?:[\w-]+ ){0,2}?(?:false|biased|harmful|inaccurate|misleading|discriminatory)"
    r"|(?:be|become) (?:[\w-]+ ){0,2}?(?:misused|abused|exploited|weaponi[sz]ed|manipulated"
    r"|compromised|stolen|hijacked|misled|deceived|turned against|biased|unreliable|unsafe|lost"
    r"|used (?:[\w-]+ ){0,3}?(?:maliciously|to (?:harm|attack|deceive|manipulate|discriminate"
    r"|build weapons|spread)))"
    r"|(?:help|enable|allow|assist|aid) (?:[\w-]+ ){0,3}?(?:malicious|bad|criminal|terrorist"
    r"|hostile|non-state|attackers?|criminals|terrorists)\b"
    # Mistakes, deceit, loss, breakdown, exclusion, and what gets away from those in charge.
    r"|mis(?:read|judg|classif|identif|diagnos|interpret|represent|direct|label|stat|fir|handl|fil)\w*"
    r"|mistake [^,;.]{1,40}? for|confuse|fool|trick|dupe|impersonate|corrupt|degrade|deplete|cripple"
    r"|disable|derail|swamp|choke|stall|crash|malfunction|break down|drift|misfire|backfire|panic"
    r"|exclude|marginali[sz]e|stigmati[sz]e|deprive|penali[sz]e the|lose\b|cost (?:lives|jobs)|die\b"
    r"|disappear|outpace|outstrip|bypass|circumvent|get out of hand|slip (?:through|past)|dull|blunt"
    r"|flood|go unnoticed|run out of|end up in|take down|set off|spread (?:unchecked|false|fear|panic|disinformation)|fall (?:[\w-]+ ){0,2}?into the wrong hands"
    r"|(?:drive|push|squeeze|force|price|shut|lock)s? (?:[\w-]+ ){1,4}?out\b"
    r"|(?:put|place|leave)s? (?:[\w-]+ ){0,5}?(?:at risk|in danger|in jeopardy|at a disadvantage"
    r"|under (?:strain|pressure)|exposed|behind|vulnerable|worse off|unprotected|undone|unable|without)"
    r"|be (?:\w+ly )?(?:left (?:behind|out|without|exposed)|fooled|tricked|outwitted|locked out|wiped out"
    r"|denied|overlooked|silenced)"
    r"|(?:give|provide|offer)s? (?:[\w-]+ ){0,2}?(?:dangerous|wrong|false|harmful|misleading|bad)"
    r"|(?:make|render)s? (?:[\w-]+ ){0,6}?(?:worse|unsafe|harder|impossible|vulnerable|dependent|useless"
    r"|unreliable|difficult))"
)
# What a danger, or a thing that cannot be relied on, is said to be.
_BAD = (
    r"(?:unsafe|unreliable|insecure|brittle|fragile|opaque|flawed|error-prone|inaccurate|defenceless"
    r"|vulnerable|addictive|deceptive|discriminatory|risky|hazardous|perilous|unpredictable|fatal"
    r"|uncontrollable|irreversible|deadly|lethal|dangerous|alarming|worrying|worrisome|unfair|corrosive"
    r"|catastrophic|disastrous|devastating|harmful|destabili[sz]ing|out of (?:control|reach of the law)"
    r"|(?:hard|difficult|impossible) to (?:detect|trace|undo|reverse|correct|control|contain|spot|stop"
    r"|recall|withdraw|attribute|explain|audit)"
    r"|(?:easy|simple) to (?:fool|abuse|misuse|deceive|forge|attack|manipulate|evade|game)"
    r"|easily (?:fooled|abused|misused|deceived|forged|manipulated|evaded|gamed|hijacked))"
)
# Those who do harm, and the harm itself, as subjects: what these may do is no permission.
_HARMFUL = (
    r"(?:terrorists?|attackers?|criminals?|fraudsters?|hackers?|adversaries|extremists?"
    r"|(?:malicious|bad|hostile|rogue|terrorist|criminal|extremist) (?:[\w-]+ )?(?:actors?|users?"
    r"|groups?|states?|networks?|gangs?)|misuse|abuse|bias(?:es)?|errors?|failures?|harms?"
    r"|accidents?|discrimination|disinformation|misinformation)"
)
_ADVERB = r"(?:(?:\w+ly|also|then|at least|in turn|thus|therefore|further|still|even|always)\s+)?"
_WILL = (
    r"(?:we|i|our \w+|(?:the )?(?:[\w-]+ )?(?:government|administration|commission|ministry"
    r"|department|agency|agencies|secretary|office|institute|council|company|companies|signatories"
    r"|participants|parties|party|members|countries|states|nations|laborator(?:y|ies)|labs?|sides?"
    r"|developers|president|china|united states|kingdom|union))"
)

_ENGLISH_PATTERNS: list[tuple[Position, int, str]] = [
    # Duties expressly denied, and rules of construction: nobody is bound by these.
    (
        P.MENTIONS,
        FIRM,
        r"\bnothing [^,;.]{0,80}?\b(?:shall|may|should) (?:be (?:construed|interpreted|read|deemed"
        r"|understood)|prevent|preclude|limit|affect|prohibit|restrict|impair|diminish|alter|require"
        r"|authori[sz]e|supersede)\b",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\bnothing (?:in (?:this|these|the|that|any|sub\w+|section)|herein|hereunder)\b[^,;.]{0,80}?"
        r"\b(?:shall|may|should|must|will|is|does)\b(?: be| not)?",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\b(?:shall|should|must|may|will|is|are) not (?:to )?be (?:\w+ly )?"
        r"(?:construed|interpreted|read|deemed|understood|taken) (?:as|to)\b",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\bshall (?:be (?:construed|interpreted|read|understood) (?:as|to)|be (?:considered|deemed)"
        r" (?:to (?:be|have)|as)|(?:come|enter) into (?:force|effect|operation)|take effect)\b",
    ),
    # Examples of what may be are no permission.
    (
        P.MENTIONS,
        FIRM,
        r"\b(?:(?:steps|measures|activities|factors|information|examples|methods|areas|data|tasks"
        r"|actions|elements|they|this|these) may|may, for example,) include\b",
    ),
    # What a defined word means; the quotation mark before it belongs to the word.
    (
        P.MENTIONS,
        FIRM,
        r"(?<=[\"”’'] )(?:means?|includes?|refers? to|denotes?|has the (?:same )?meaning)\b[^.;]*",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\b(?:is|are|be|was|were) (?:\w+ly )?(?:not|neither|never|no longer) (?:\w+ly )?"
        r"(?:required|obliged|obligated|bound|mandated|mandatory|compulsory|directed)\b",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\b(?:shall|may|must|should|will) not (?:\w+ )?be (?:required|obliged|obligated|compelled"
        r"|mandatory)\b",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\bno (?:[\w-]+ ){1,5}?(?:shall|may|must|should|will|is|are) (?:be )?"
        r"(?:required|obliged|obligated|compelled)\b",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\b(?:need not|needn't|(?:does|do) not (?:have|need) to|(?:does|do|did|shall) not"
        r" (?:require|oblige|mandate|apply|affect|prohibit|preclude|prevent|forbid)"
        r"|(?:has|have|is|are) (?:under )?no (?:\w+ )?(?:obligation|duty|requirement)"
        r"|(?:is|are|shall be) (?:\w+ly )?exempt(?:ed)?|not (?:\w+ly )?"
        r"(?:prohibited|forbidden|banned))\b",
    ),
    (
        P.ENCOURAGES,
        FIRM,
        r"\b(?:may|can|could),? but (?:need not|(?:is|are) not (?:required|obliged|obligated)"
        r"|(?:does|do) not (?:have|need) to|shall not be required)\b",
    ),
    # Two negations of the same act cancel out.
    (P.ENCOURAGES, FIRM, r"\bno reason why [^,;.]{1,60}? should not\b"),
    (P.COMMITS, FIRM, r"\b(?:we|our \w+) (?:will|shall) (?:not|never) fail to\b"),
    (
        P.REQUIRES,
        FIRM,
        r"\b(?:must|shall|may|can) (?:not|never) (?:fail|omit|neglect|forget)\b",
    ),
    (P.ENCOURAGES, FIRM, r"\bshould (?:not|never) (?:fail|omit|neglect|forget)\b"),
    (
        P.REQUIRES,
        FIRM,
        r"\b(?:must|shall|may) not be (?:less|fewer|lower|shorter|smaller|earlier|weaker) than\b",
    ),
    # Said of dangers, these are no rule for anybody.
    (
        P.WARNS,
        CLAIM,
        r"\b(?:must|should|may|can) ?not be (?:underestimated|underrated|downplayed|ruled out"
        r"|taken lightly|overstated)\b",
    ),
    (
        P.MENTIONS,
        FIRM,
        r"\b(?:do|does|did) not (?:commit|pledge|undertake|promise|agree) (?:to|that)\b",
    ),
    # A promise, whatever it promises.
    (
        P.COMMITS,
        FIRM,
        rf"\b(?:we|i) {_ADVERB}(?:will|shall|commit|pledge|undertake|promise|vow|resolve|agree"
        r"|intend to|aim to|reaffirm our (?:commitment|resolve)"
        r"|(?:are|remain|stand) (?:\w+ )?(?:committed|determined|dedicated|resolved)"
        r"|have (?:\w+ )?(?:committed|pledged|agreed|undertaken|resolved))\b(?: not| never)?",
    ),
    (
        P.COMMITS,
        FIRM,
        r"\b(?<!to )(?<!must )(?<!shall )(?<!should )(?:commits?|committed|pledge[sd]?|undertakes?"
        r"|undertook|vow(?:s|ed)?|promise[sd]?|agree[sd]?) (?:\w+ly )?(?:not |never )?"
        r"(?:to|that|itself|themselves)\b",
    ),
    (
        P.COMMITS,
        FIRM,
        r"\b(?:parties|members|states|governments|signatories|participants|countries|sides)"
        r" (?:\w+ly )?(?:resolve|intend|plan|have resolved) to\b"
        r"|\breaffirm(?:s|ed)? (?:its|their|our|the) (?:commitment|resolve|pledge)\b"
        r"|\bunder (?:this|the|our|its|their) (?:pledge|commitment|promise)s?\b[^;.]{0,60}?\bwill\b",
    ),
    (
        P.COMMITS,
        FIRM,
        rf"\b(?:neither|either|each|both) {_WILL} will\b|\b{_WILL} (?:is|are) going to\b"
        rf"|\bwill be (?:[\w-]+ ){{1,5}}?by {_WILL}\b",
    ),
    (P.COMMITS, FIRM, r"\b(?:is|are|remains?) (?:\w+ )?committed to\b"),
    (
        P.COMMITS,
        FIRM,
        rf"\b{_WILL} {_ADVERB}will\b(?! (?:be|need to|have to) (?:required|subject))",
    ),
    # What an office or a firm "cannot" do is forbidden, unless it is beyond its powers to know.
    (
        P.PROHIBITS,
        HINT,
        r"\b(?:agenc(?:y|ies)|authorit(?:y|ies)|ministers?|officials?|officers?|boards?|courts?|judges?"
        r"|employers?|providers?|operators?|deployers?|developers?|insurers?|banks?|landlords?|licensees?"
        r"|contractors?|compan(?:y|ies)|platforms?|vendors?) cannot (?!be\b|know|tell|see|foresee|predict"
        r"|guarantee|explain|always|fully|reliably|detect|keep|control|afford|access|cope|do\b|trace|verify"
        r"|rule out|understand|say|solve|manage|meet|match|prevent|stop)[a-z]+",
    ),
    # What may happen, as opposed to what may be done.
    (
        P.WARNS,
        HINT,
        r"\bmay not (?:be (?:able|aware|sufficient|accurate|appropriate|suitable|apparent|possible"
        r"|known|available|reliable|enough|visible|clear|effective|fair|robust|representative|safe)"
        r"|always|fully|necessarily|yet|understand|know|reflect|work|perform|generali[sz]e|behave"
        r"|hold|capture|realize|realise|notice|cope|keep (?:up|pace)|suffice|survive|detect"
        r"|(?:\w+ )?(?:every|all)\b)\b",
    ),
    # Harm denied is no warning.
    (
        P.MENTIONS,
        HINT,
        rf"(?<=\w )(?:(?:could|might|would|will|do|does|did) not|cannot|never) (?:[\w-]+ly )?{_HARM}"
        r"(?: (?:to|in))?"
        r"|\b(?:poses?|carr(?:y|ies)|presents?|creates?|entails?|raises?) no (?:[\w-]+ ){0,3}?"
        r"(?:risks?|threats?|dangers?|harms?|concerns?)\b"
        r"|\b(?:do|does|did) not (?:threaten|undermine|endanger|harm)\b",
    ),
    (
        P.WARNS,
        CLAIM,
        r"\b(?:could|might|may|can|would) (?:(?:help|enable|allow) [^,;.]{3,80}?\b(?:attacks?|weapons?"
        r"|crimes?|fraud|harmful (?:acts?|activit\w+|uses?)"
        r"|malicious (?:actors?|activit\w+|uses?))\b|(?:(?!not\b)[\w-]+ ){0,2}?(?:increase|raise|heighten)"
        r" (?:[\w-]+ ){0,4}?(?:likelihood|chances?|probability|possibility) of"
        r"|be (?:\w+ ){0,2}?(?:repurposed|used) (?:for|in) (?:malicious|criminal|hostile))|\b(?:this|it) risks\b",
    ),
    (
        P.WARNS,
        CLAIM,
        rf"\b{_HARMFUL} (?:(?!that|which|who)[\w-]+ ){{0,2}}?(?:may|might|could|can)\b(?! (?:not|only)\b)",
    ),
    (
        P.WARNS,
        CLAIM,
        rf"\b(?:could|might|may|can|would|threatens? to|likely to|tends? to|apt to|prone to)"
        rf" (?:(?!not\b)[\w-]+ ){{0,2}}?{_HARM}",
    ),
    # Prohibition.
    (
        P.PROHIBITS,
        FIRM,
        r"\b(?:shall|must|should|will|may) (?:\w+ly )?(?:(?:prohibit|ban|forbid)\b"
        r"|be (?:\w+ly )?(?:prohibited|banned|forbidden|barred|denied|unlawful|illegal)"
        r"|(?:refrain|abstain|desist) from)",
    ),
    (
        P.PROHIBITS,
        FIRM,
        r"\b(?:must|shall|may|should|ought|can) (?:in no case |under no circumstances |\w+ly )?"
        r"(?:not|never)\b|\b(?:mustn't|shouldn't|shan't)\b"
        r"|\b(?:must|shall|may|should)(?:, [^,]{1,40},| under no circumstances| in no case)"
        r" (?:not\b|never\b)?(?<!, )",
    ),
    (
        P.PROHIBITS,
        FIRM,
        r"\b(?:must|shall|may|should) in no (?:case|circumstances?|event|way|manner)\b"
        r"|\b(?:not (?:a single|one|any) (?:[\w'-]+ ){1,8}?|none of (?:[\w'-]+ ){1,8}?"
        r"|nothing (?!in |herein)(?:[\w'-]+ ){0,8}?|(?:at no time|in no event|on no account) )"
        r"(?:shall|may|must|should)\b",
    ),
    (
        P.PROHIBITS,
        FIRM,
        r"\b(?:no (?!later|less|fewer|more|longer|sooner|earlier|doubt|matter|reason)(?:[\w'-]+ ){1,10}?"
        r"|neither (?:[\w'-]+ ){1,8}?|no ?one |nobody |under no circumstances |in no case )"
        r"(?:shall|may|must|should)\b",
    ),
    (
        P.PROHIBITS,
        FIRM,
        r"\b(?:is|are) (?:hereby |\w+ly )?(?:prohibited|forbidden|banned|barred|unlawful|illegal"
        r"|not (?:permitted|allowed|authori[sz]ed|acceptable))\b",
    ),
    (P.PROHIBITS, FIRM, r"\b(?<!to )(?:prohibits|forbids|bans)\b|^\W*(?:prohibit|ban|forbid)\b"),
    (P.PROHIBITS, FIRM, r"^\W*(?:do not|don't|never)\b"),
    # Definitions and titles only sound like duty and permission.
    (P.MENTIONS, FIRM, r"\bmay be cited as\b|\bshall (?:mean\b|have the (?:same )?meaning)"),
    # Duty.
    (P.REQUIRES, FIRM, r"\b(?:may|can) (?:\w+ )?only\b"),
    (P.REQUIRES, FIRM, r"\b(?:must|shall)\b"),
    (
        P.REQUIRES,
        FIRM,
        r"\b(?:is|are|be|been) (?:hereby |also |\w+ly )?(?:required|obliged|obligated|directed"
        r"|instructed|mandated|ordered|compelled|duty-bound)\b"
        r"|\b(?:is|are|be) (?:mandatory|compulsory|obligatory)\b|\b(?:is|are) bound to\b"
        r"|\b(?:may|can) be (?:required|compelled|obliged|ordered)\b"
        r"|\b(?:is|are|shall be) liable to (?:an? )?(?:[\w-]+ )?(?:fines?|penalt(?:y|ies))\b",
    ),
    (
        P.REQUIRES,
        FIRM,
        r"\b(?<!to )(?:requires?|mandates?|obliges?) (?:that\b|(?:[\w'-]+ ){1,8}?to\b)|\bha(?:s|ve) to\b"
        r"|\bneeds? to\b|\b(?:has|have|is|are) (?:under )?(?:an?|the) (?:\w+ )?(?:duty|obligation) to\b",
    ),
    (
        P.REQUIRES,
        FIRM,
        r"(?<!aim )(?<!goal )(?<!purpose )(?<!objective )\b(?:is|are) to (?:be|submit|report|ensure"
        r"|provide|establish|conduct|publish|keep|carry|notify|adopt|implement|maintain)\b",
    ),
    # Encouragement, advice and permission.
    (P.ENCOURAGES, FIRM, r"\b(?:should|ought to)\b"),
    (
        P.ENCOURAGES,
        FIRM,
        r"\b(?:is|are|be) (?:\w+ly )?(?:encouraged|urged|invited|advised|recommended|permitted"
        r"|allowed|authori[sz]ed|entitled|free|welcome) to\b|\bit is (?:\w+ly )?"
        r"(?:recommended|advisable|desirable|preferable)\b"
        r"|\b(?:would|might) be (?:\w+ly )?(?:advisable|desirable|preferable)\b",
    ),
    (P.ENCOURAGES, FIRM, r"\bmay\b(?! \d)"),
    (
        P.ENCOURAGES,
        FIRM,
        r"(?<!to )(?<!not )\b(?:encourages|recommends|urges|supports|promotes|fosters|advocates"
        r"|welcomes|facilitates|calls (?:on|upon|for)|favou?rs)\b",
    ),
    (
        P.ENCOURAGES,
        FIRM,
        r"\b(?:we|they|i|parties|members|states|countries|governments|companies|stakeholders"
        r"|signatories|sides|nations|participants) (?:\w+ly |also |further |jointly )?(?:encourage"
        r"|recommend|urge|support|promote|foster|advocate|call (?:on|upon|for)|welcome|invite"
        r"|advise|suggest|propose|favou?r|believe in)\b",
    ),
    (
        P.ENCOURAGES,
        HINT,
        r"^\W*(?:\(?\w{1,4}[.)]\s*)?(?:encourag(?:e|ing)|support(?:ing)?|promot(?:e|ing)"
        r"|foster(?:ing)?|advanc(?:e|ing)|facilitat(?:e|ing)|expand(?:ing)?|invest(?:ing)?"
        r"|strengthen(?:ing)?|establish|develop|create|launch|build|ensure|improve|publish|adopt"
        r"|accelerate|convene|fund|partner|continue|prioriti[sz]e|consider|explore|conduct|provide"
        r"|require|update|review|issue|work with|recommend(?:ed)?|train|evaluate|leverage|use"
        r"|coordinate|collaborate|share|increase|enhance|maintain|protect|streamline|incentivi[sz]e"
        r"|deploy|describe|define|determine|document|oversee|mitigate|manage|address|identify|introduce|set up|give|help|reduce|remove|extend|deepen"
        r"|appoint|engage|integrate|monitor|assess|publicise|reward|simplify)\b"
        r"(?! (?:of|is|was|were|has|have|had)\b)",
    ),
    # Description of danger.
    (
        P.WARNS,
        HINT,
        r"\b(?:pos|present|rais|creat|carr|entail|bring)(?:e|es|s|ies|y|ing|ed)? (?:[\w-]+,? ){0,5}?"
        r"(?:risks?|threats?|dangers?|concerns?|harms?|hazards?|challenges?)\b"
        r"(?! (?:assessment|management|analys|evaluation|mitigation))",
    ),
    (P.WARNS, HINT, r"\b(?:warn(?:s|ed|ing)?|caution(?:s|ed)?|beware|alarm(?:ed|ing)?)\b"),
    (
        P.WARNS,
        HINT,
        r"\b(?:concern(?:s|ed)? (?:about|that|over|is|are)|worr(?:y|ies|ied) (?:about|that|over)"
        r"|vulnerable to|susceptible to|prone to|at risk|endangers?|jeopardi[sz]es?|threatens?"
        r"|(?<!to )(?:erodes?|destabili[sz]es?|paraly[sz]es?|hijacks?|worsens?|widens|deepens|entrenches|distorts?"
        r"|weakens|deceives?|misleads?|outpaces?|outstrips?|discriminates? against)\b"
        r"|at a disadvantage|chilling effect|out of control|risk(?:s|ed)? (?:being|losing|becoming|falling|missing)\b"
        r"|lowers? the (?:bar|barrier|threshold)s?|errors? (?:\w+ly )?(?:accumulate|multiply|spread)"
        r"|(?:growing|grave|serious|real|major|rising) (?:threat|danger|risk|gap|concern|problem)s?"
        r"|(?:no one|nobody|no expert|none) can (?:yet |fully |reliably )?(?:be sure|guarantee|know|tell|predict"
        r"|foresee|explain|say|control|rule out)|cannot (?:always|fully|reliably|be (?:sure|trusted|relied"
        r"|undone|reversed|recalled|withdrawn|predicted|controlled|contained|explained|traced|ruled out))"
        rf"|(?:is|are|be|becomes?|remains?|proves?|makes? it) (?:\w+ly |too |so |very |more |even |still )?{_BAD}"
        r"|there (?:is|are) (?:as yet |currently |still )?(?:no|little|few|hardly any|not enough) (?:[\w-]+ ){0,3}?"
        r"(?:way|ways|means|method|methods|guarantee|safeguards?|defences?|defenses?|protection|remedy|remedies"
        r"|evidence|certainty)"
        r"|(?:in|into) the wrong hands|single point of failure|race to the bottom|no match for|out of hand"
        r"|(?:lags?|trails?) (?:[\w-]+ ){0,2}?behind|faster than (?:[\w-]+ ){1,6}?(?:can|to)\b"
        r"|left behind|(?:leaves?|puts?) (?:[\w-]+ ){0,4}?(?:exposed|vulnerable|unprotected|behind|in danger)"
        r"|(?:makes?|making|made) (?:it |[\w-]+ ){1,4}?(?:harder|impossible|difficult) (?:for|to)"
        r"|(?:has|have) (?:already |often |repeatedly )?(?:caused|cost|harmed|injured|misled|killed|deceived)\b"
        r"|(?:especially|particularly|dangerously|increasingly) exposed|exposed to"
        r"|fac(?:e|es|ing) (?:[\w-]+ ){0,3}?(?:risks?|threats?|dangers?|shortages?|loss(?:es)?|exclusion"
        r"|discrimination|extortion|attacks?|harms?|waves?)|perform(?:s|ed)? (?:\w+ )?worse"
        r"|undermines?|exacerbates?|amplif(?:y|ies)|perpetuates?|(?:leads?|led) to|harms\b"
        r"|fears? (?:of|that)|(?:lead|result)ing in)\b",
    ),
    (
        P.WARNS,
        HINT,
        r"\b(?:risks?|dangers?|threats?|harms?|hazards?) (?:of|that|from|posed|arising|stemming"
        r"|include|are|is|remain|associated|related|such as|to)\b",
    ),
]

_CONDITION = re.compile(
    r"^\W*(?:(?:and|or|but|even|except|only) )?(?:if|where|when|whenever|unless|whether|because"
    r"|although|though|while|whereas|until|once|after|before|provided that|except that|in case"
    r"|to the extent|as soon as|so long as|as|since|insofar)\b",
    re.IGNORECASE,
)
# "Should costs rise, …" is an "if"; "Since …" and "Although …" say something of their own.
_INVERTED = re.compile(r"^\W*Should [^,]+,")
_REASON = re.compile(
    r"^\W*(?:and |but )?(?:because|since|given that|although|though|while|whereas|yet|however"
    r"|nevertheless|but(?! (?:is|are|was|were|may|can|could|might|must|shall|not|also|only)\b))\b",
    re.IGNORECASE,
)
_DEPENDENT = re.compile(
    r"^\W*(?:and |or )?(?:that|which|who|whom|including|such as|to|of|in|by|with|whether|how)\b",
    re.IGNORECASE,
)
_OPINION = re.compile(
    r"\b(?:critics?|opponents?|proponents?|commentators?|observers?|campaigners?|respondents?"
    r"|speakers?|some (?:[\w-]+ )?)(?:[\w-]+ ){0,2}?\s?(?:say|said|argue|claim|suggest|believe"
    r"|maintain|contend|demand|propose|hold)\w*\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"^\W*(?:and |but |while |whereas )?(?:(?!(?:if|where|when|unless|once|that|which|who)\b)[\w-]+ )"
    r"{1,6}?(?:was|were|had been|took (?:part|place))\b",
    re.IGNORECASE,
)
# "Mitigate the risks of …" is about work on risks; it warns of nothing.
_RISK_WORK = re.compile(
    r"\b(?:address|mitigat|manag|reduc|assess|identif|evaluat|measur|monitor|map|understand|prevent"
    r"|minimi[sz]|tackl|counter|analy[sz]|detect|document|consider|respon[ds]\w* to|report on|test\w* for)"
    r"\w*\s+(?:[\w-]+,?\s+){0,5}$",
    re.IGNORECASE,
)
_BARE_MODAL = re.compile(r"\b(?:may|might|could|can|would)\W*$", re.IGNORECASE)
_HARM_FIRST = re.compile(rf"^\W*(?:\(?\w{{1,4}}[.)]\s*)?(?:[\w-]+ly )?{_HARM}", re.IGNORECASE)
_SUBORDINATOR = re.compile(
    r"\b(?:if|where|when|whenever|unless|whether|because|although|though|while|whereas|until|once"
    r"|how|what|so that|such that|in case|to the extent|as to)\b",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"\b(?P<before>[\w-]+,?\s+)?(?P<word>that|which|who|whom)\b", re.IGNORECASE)
_CONTENT_VERB = re.compile(
    r"^(?:provid|stat|declar|requir|determin|stress|emphasi|stipulat|specif|not|affirm|reaffirm"
    r"|mandat|conclud|find|hold|believ|agre|recommend|argu|propos|maintain|underlin|recall|say)\w*$",
    re.IGNORECASE,
)
_SUBJECT_START = re.compile(
    r"^\s*(?:the|a|an|it|they|such|any|each|all|every|this|these|those|its|their|we|he|she|no)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\b\w")
_ONLY_ADVERBS = re.compile(r"^\s*(?:(?:\w+ly|also|then|otherwise|in turn)\s+)*$", re.IGNORECASE)


class _EnglishRules(_Rules):
    def hits(self, sentence: str) -> Iterator[re.Match[str]]:
        # Every pattern begins with a word or with the sentence: six times fewer places to try.
        done = 0
        for start in (0, *(word.start() for word in _WORD.finditer(sentence, 1))):
            if (
                start >= done
                and (hit := self._pattern.match(sentence, start))
                and hit.end() > start
            ):
                done = hit.end()
                yield hit

    def rank(self, sentence: str, clause: tuple[int, int], marker: _Marker) -> int:
        before = sentence[clause[0] : marker.start]
        opening = sentence[clause[0] : marker.end]
        if marker.position is not P.WARNS and _OPINION.search(before):
            return 2
        if _INVERTED.match(sentence[clause[0] :]) and "," not in before:
            return 2
        if _CONDITION.match(opening):
            # "Where a system is high-risk the provider shall" forgets the comma: better than none.
            # A condition that a comma closes is over, and its modals bind nobody.
            # "When a provider must report" has no room for a condition and a main clause.
            closed = (
                clause[0] > 0
                or _WORD.search(sentence, clause[1]) is not None
                or len(before.split()) < 6
            )
            excepted = sentence[clause[0] :].lower().startswith(("except", "provided"))
            return 2 if closed and not excepted else 1
        if (
            marker.position is P.WARNS
            and marker.weight == HINT
            and _RISK_WORK.search(sentence[: marker.start])
        ):
            return 2
        if _SUBORDINATOR.search(before):
            return 1 if not marker.strong else 2
        for hit in _RELATIVE.finditer(before):
            between = before[hit.end() :]
            previous = (hit["before"] or "").strip(" ,")
            if hit["word"].lower() == "that" and _CONTENT_VERB.match(previous):
                return 1
            if _ONLY_ADVERBS.match(between):
                return 2
            if hit["word"].lower() != "who" and _SUBJECT_START.match(between):
                return 2
        return 0

    def stands_alone(
        self, sentence: str, clause: tuple[int, int], marker: _Marker, rank: int
    ) -> bool:
        before = sentence[clause[0] : marker.start]
        if _DEPENDENT.match(before) or _RELATIVE.search(before):
            return False
        return _REASON.match(before) is not None or (rank == 0 and marker.weight == CLAIM)

    def tells(self, clause: str) -> bool:
        return _PAST.match(clause) is not None

    def harms(self, lead_in: str, item: str) -> bool:
        return _BARE_MODAL.search(lead_in) is not None and _HARM_FIRST.match(item) is not None


# --------------------------------------------------------------------------- Chinese

_CLAUSE = r"[^，。；：！？\n]"
_HARM_ZH = (
    r"(?:导致|造成|引发|引起|带来|危害|危及|损害|侵害|侵犯|威胁|加剧|放大|固化|误导|冲击|削弱|破坏|泄露"
    r"|滋生|诱发|产生(?:歧视|偏见|虚假|错误|有害|风险|偏差)|被[一-鿿]{0,10}?(?:恶意|非法|不法|滥用|误用|用于|用来|窃取"
    r"|利用|操纵|攻击)|失控|出现(?:偏差|歧视|错误|幻觉|失控)|存在|逃避|逃脱|扩散|助长|降低.{0,10}门槛"
    r"|投毒|劫持|出错|欺骗|误判|瘫痪|崩溃|崩塌|失效|失灵|失实|恶化|受损|受骗|中断|违背|偏离|有失|冒充|伪造"
    r"|垄断|失信|扩大[一-鿿]{0,4}?(?:差距|鸿沟)|寒蝉|伤害|伤亡|攻击|受到[一-鿿]{0,6}?(?:攻击|侵害|损害)"
    r"|影响|使.{0,16}(?:受损|失控|失业|停|陷入|丧失|无法|难以)|依赖|沉迷|歧视|脱离.{0,6}控制|沦为|面临"
    # Mistakes, deceit, loss, breakdown, exclusion, and what gets away from those in charge.
    r"|误(?:读|认|删|伤|报|诊|用|导|捕|报)|错(?:误|失|判)|出现差错|上当|受害|蒙蔽|冒用|盗用|篡改|操控|诈骗|骗取|敲诈|勒索|要挟"
    r"|丧失|流失|失去|失真|失业|消失|退化|下降|外泄|外流|流入|落入|停摆|停飞|停工|过载|短缺|恐慌|混乱|泛滥|蔓延|挑起|飙升|激化"
    r"|死亡|丧生|致命|排斥|排挤|边缘化|剥夺|挤压|挤占|阻碍|妨碍|侵蚀|钝化|遭(?:受|到|遇|殃)|受到?[一-鿿]{0,4}?操控|陷入|不公|不再(?:相信|信任)"
    r"|给出[一-鿿]{0,4}?(?:危险|错误|有害|虚假)|难以|无法|绕过|规避监管|制造[一-鿿]{0,4}?(?:恐怖|混乱|恐慌|对立))"
)
_GOOD_ZH = (
    r"(?:帮助|有助|有利|有益|促进|提高|提升|改善|改进|增强|受益|获益|缩短|节省|节约|节能|减少|减轻|创造|推动|带动|支持"
    r"|实现|优化|机遇|成为|需要|适用|包括|涉及|用于|采用|取得)"
)
_PROMISERS_ZH = (
    r"(?:我们|我国|我方|我司|中国|中方|本公司|本单位|本机构|本部门|本企业|本实验室|双方|各方|两国(?:政府)?"
    r"|缔约方|缔约国|签署方|签署国|签署企业|与会企业|与会各方|成员单位|各成员国?|成员国|政府|各国|委员会)"
)
# What policy sets out to do, as it begins a sentence without a subject.
_TASK_ZH = (
    r"加强|完善|建立|健全|构建|开展|落实|强化|提升|提高|建设|打造|培育|制定|制订|发展|深化|拓展|坚持|优化|加大|探索"
    r"|研究|形成|组织|确保|设立|参与|布局|突破|培养|实施|规范|做好|添加|关注|遵守|遵循|恪守|尊重|保护|保障|维护|研制"
    r"|明确|跟踪|运用|统筹|协调|指导|督促|扩大|增强|引进|吸引|集聚|汇聚|整合|畅通|压实|夯实|巩固|聚焦|编制|出台"
    r"|搭建|改善|改进|发挥|注重|重视|普及|预防|严格|合作推动|抓好|抓紧|推行|履行|防止|避免|审慎|配备"
)
_CHINESE_PATTERNS: list[tuple[Position, int, str]] = [
    (
        P.MENTIONS,
        FIRM,
        r"(?:无须|无需|毋须|毋需|不须|不需要|不必|不强制|不要求|免于|可以不(?!予|经)|可不(?!予|经)"
        r"|(?:没有|不承担|并无|无)[一-鿿]{0,6}?(?:义务|责任)(?=[一-鿿，。])|(?:并不|不|未)禁止|不受[一-鿿]{1,14}?约束"
        r"|(?:并不|不|未)(?:承诺|建议|支持|鼓励|提倡|倡导|主张)"
        r"|不(?:得|应)?(?:被)?(?:解释|理解|视)为|不适用|不影响)",
    ),
    # The aim of the text itself.
    (P.MENTIONS, FIRM, r"旨在[^。；]*"),
    # What a defined word means: all that follows belongs to the definition.
    (P.MENTIONS, FIRM, r"所称[^。；]{1,30}?，?(?:是指|系指|包括|指)[^。；]*|(?:是指|系指)[^。；]*"),
    # "不得不经通知进入" forbids entry without notice; "不得不停止" leaves no choice.
    (P.REQUIRES, FIRM, r"不得不(?!经(?![历受过]))|不能不|不可不(?!防)|不应不"),
    (P.REQUIRES, FIRM, r"不得(?:少于|低于|短于|小于|弱于)|不(?:应|宜)(?:少于|低于)"),
    (
        P.COMMITS,
        FIRM,
        rf"(?<!经)(?<![取征]得){_PROMISERS_ZH}(?:(?![不未])[一-鿿]){{0,6}}?(?:承诺|将(?![一-鿿]{{0,12}}(?:作为|纳入))|致力于|决心|保证|愿(?!望|景)"
        r"|同意(?![的后，。书])|商定|[绝决永]不|不会|不再)"
        rf"|{_PROMISERS_ZH}[一-鿿]{{0,2}}计划(?=[于在到从一-鿿])|将由{_PROMISERS_ZH}",
    ),
    (
        P.COMMITS,
        FIRM,
        r"承诺(?!书|制|函|的|事项|履行)|郑重宣布|致力于|愿(?:同|与|意(?:同|与|为|在|向)|在|为|继续|进一步)",
    ),
    (
        P.COMMITS,
        FIRM,
        r"国家(?:根据|按照|依据)[^。；]{2,120}?，[^，。；]{0,24}?(?:实行|建立|制定|实施|采取)"
        r"|国家(?:[一-鿿]{0,4}?)(?:建立|完善|健全|加强|制定|实行|实施|采取|加大|统筹|保护|保障|坚持|设立"
        r"|组织|建设|构建)",
    ),
    (
        P.PROHIBITS,
        FIRM,
        r"(?<!舍)(?<!获)不得(?!以|已而)|不得以|(?:严禁|严格禁止|不许|不准|不应(?:当)?|切勿|请勿|禁用|杜绝"
        r"|(?:^|(?<=[，；、。—]))(?:坚决|明确|共同|一致)?(?:反对|抵制)(?!者|派)|坚决(?:反对|抵制)|不可以|不允许)|(?<!法律)(?<!法规)(?<!规定)(?<!所)禁止(?!性|的|令|事项|内容|清单|行为)"
        rf"|(?:法律|法规|规定)禁止(?!的|性|{_CLAUSE}*的)|(?<![适事])不宜|[绝决]不(?:允许|得|能|应)",
    ),
    (
        P.REQUIRES,
        FIRM,
        rf"应对(?={_CLAUSE}{{1,40}}?(?:进行|开展|予以|加以|作出|实施|采取|负责|承担|做好|给予))",
    ),
    (
        P.REQUIRES,
        FIRM,
        r"应当(?!前)|(?<![相适响反供效对回呼感顺策因])应(?![用急对答邀变聘届激收付付有尽声和战酬景])"
        r"|必须|(?<![无毋不])须(?!知)|方可(?!以)|方能|才可|只能|有义务|务必|有责任|责令|应有(?:的)?(?=义务)"
        r"|(?<![必急无按所刚内军供不])(?<!发展)(?<!工作)(?<!业务)(?<!实际)(?<!现实)(?<!管理)需(?!求|要的)|负有[一-鿿]{0,10}?(?:义务|责任)"
        r"|应尽(?=[一-鿿]{0,4}?(?:告知|说明|提示))",
    ),
    (
        P.REQUIRES,
        FIRM,
        r"(?:^|(?<=[，由门关当并]))处(?:以)?[^，。；]{1,24}?(?:罚款|拘留|徒刑)|追究[一-鿿]{0,6}?责任|吊销(?!的)"
        r"|依法(?:承担|给予)[一-鿿]{0,10}?(?:责任|处分|处罚)|(?:依照|按照)[^，；。]{2,40}?规定(?:给予)?(?:处罚|处分)",
    ),
    (
        P.REQUIRES,
        FIRM,
        r"(?:^|(?<=[，；：。、\s]))(?:都|均|也|还|更|既|又)?要(?=[一-鿿]{2})(?!求|素|点|闻|么|件|是|害)"
        r"|(?<=各地)要|(?<=地区)要|(?<=各级)要|(?<=各方)要|(?<=部门)要|(?<=单位)要|(?<=企业)要|(?<=机构)要|(?<=政府)要",
    ),
    (
        P.REQUIRES,
        FIRM,
        r"(?<!的)(?<!按照)(?<!根据)(?<!符合)(?<!合规)(?<!安全)(?<![款条项])(?<!规定)要求(?=[一-鿿]{2,16}(?:提供|建立|开展|采取|履行|报告|制定|公开|提交|停止|整改|对|保存|留存"
        r"|说明|接受|配合|标注|添加|公布|备案|登记|列明|设立|指定|披露))",
    ),
    # Harm denied is no warning.
    (
        P.MENTIONS,
        HINT,
        r"(?:不会|不可能|不致|并不|没有|不|未)(?:引发|引起|导致|造成|带来|危及|威胁|损害|侵害|侵犯|影响|加剧|削弱"
        rf"|产生|存在)(?:{_CLAUSE}{{0,10}}?(?:风险|危险|威胁|隐患|问题|损害|危害|骚乱|歧视))?",
    ),
    (
        P.WARNS,
        CLAIM,
        r"不容(?:低估|忽视|小觑|乐观)|不可(?:低估|小觑|不防)|不堪设想|令人(?:担忧|忧虑|不安|警惕)",
    ),
    (
        P.WARNS,
        CLAIM,
        rf"(?:可能|容易|易于|(?<![协委员社大开])会(?![议员])|足以|或将|恐将|恐怕?|难免|极易|往往|势必){_CLAUSE}{{0,12}}?{_HARM_ZH}",
    ),
    (
        P.WARNS,
        CLAIM,
        r"可(?:以)?被(?:恶意|非法|不法)?(?:滥用|利用)|(?:可以|能够|可)(?:[一-鿿]{0,4}?)(?:劫持|攻击|欺骗|破坏|窃取|操纵|冒充|伪造|误导|瘫痪)",
    ),
    (
        P.PROHIBITS,
        HINT,
        r"不能(?!不|够?(?:完全|保证|排除|识别|判断|反映|解释|理解|满足|适应|有效|及时|准确|忽视|低估|代表|说明|区分"
        r"|胜任|确定|预测|证明|覆盖|支撑|实现|解决))(?=[一-鿿]{2})",
    ),
    (
        P.ENCOURAGES,
        FIRM,
        r"鼓励(?!类|性|措施|政策)|倡导|提倡|呼吁|欢迎|建议(?!书|稿|[，。；、]|$)|可以|(?<![不未经被所])(?:允许|准许)(?!的|范围|误差)|(?<![认许不])可(?=向|根据|依法|按照|采取|要求|申请|自愿|自行|视情|结合|参照|参考)"
        r"|(?:国家|政府|我们|各国|中方|双方|各方|各地|部门)(?:(?![不未])[一-鿿]){0,10}?(?:支持|推动|促进|推进|引导|扶持)|不妨|(?<![适不便事合权时])宜(?=[采由在根先优从以按通逐])|有权",
    ),
    (
        P.ENCOURAGES,
        FIRM,
        r"(?:^|(?<=[，；：、\s]))(?:积极|大力|共同|进一步|持续|稳步|有序|加快)?(?:支持(?!者)|推动|促进|推进|引导|扶持|推广)",
    ),
    (
        P.ENCOURAGES,
        HINT,
        # Chinese policy leaves out the subject of what is to be done, and may begin with what for:
        # "围绕……，研制……". A noun from the same characters ("规范要求见……") has no object.
        r"^[\W\d]*(?:[（(]?(?:[一二三四五六七八九十\d]+|[a-z])[）)、.．]\s*)?"
        rf"(?:(?:围绕|在|根据|基于|结合|针对|通过|按照|面向|依托|到\d+年){_CLAUSE}{{2,60}}[，,])?"
        r"(?:积极|大力|共同|进一步|持续|稳步|不断|着力|切实|加快|探索|深入|前瞻|密切|优先|重点|及时|定期|主动|充分"
        r"|合理|严格|全面|统筹|系统|有效|深度|合作|同步|适时|率先|广泛|科学|精准|逐步|有序)*"
        rf"(?:{_TASK_ZH}|在{_CLAUSE}{{2,40}}?(?:添加|设置|设立|公布|开展))(?!性|者|的|见|义务|要求|情况|委员会|办公室|小组|标准(?!规范|体系|[一-鿿]{{0,2}}建设)|已|系|由|于)"
        rf"(?=[一-鿿“《])(?!{_CLAUSE}{{0,24}}(?:见(?=[第附下上本])|列于|载于|共计|分为|得到|取得了))"
        # "研发主体不断提高……" has its subject and an object.
        rf"|(?:不断|持续|积极|进一步|切实|着力)(?:提高|提升|加强|完善|健全|优化|强化|深化|推进|改进)(?=[一-鿿]{{2}})(?!{_CLAUSE}{{0,8}}了)",
    ),
    (
        P.WARNS,
        HINT,
        # What may be is no permission in Chinese, and said alone seldom a hope.
        rf"(?<![尽有无不])可能(?![性的地]|{_CLAUSE}{{0,16}}?{_GOOD_ZH})(?=[一-鿿])|"
        r"警惕|担忧|忧虑|关切(?!回应)|隐患|危及|威胁(?!分析|情报|评估|建模|检测|感知|狩猎)|滥用(?!职权)|误用|失控|(?:存在|面临|带来|引发|产生|造成|加剧)"
        rf"{_CLAUSE}{{0,14}}?(?:风险|危险|危害|挑战|问题|威胁|歧视|偏见)|防范{_CLAUSE}{{0,20}}?风险"
        r"|(?:不一定|未必)[能会有]|(?:不能|无法|难以)(?:保证|完全|识别(?!特定)|判断|控制|追溯|预测|排除|核实|分辨|收回)"
        r"|(?:问题|矛盾|隐患|风险|差距|鸿沟)[一-鿿]{0,6}?(?:突出|严重|扩大|上升|凸显|加大|存在|不断|日益)"
        rf"|(?:导致|造成|致使)(?!的){_CLAUSE}{{0,12}}?(?:错误|误|损失|伤亡|受损|歧视|混乱|下降|恐慌|无辜|冤|泄露|瘫痪|有害|不良|失控|难以)"
        r"|不可靠|不可控|不可信|不可逆|(?:并不|不够|不甚|难言)(?:可靠|安全|透明|公平|准确|可信|稳定)|防不胜防|难辨真伪|真假难辨|束手无策"
        r"|后果(?:严重|堪忧)|堪忧|之虞|隐忧|形同虚设|走过场|屡禁不止|猖獗|泛滥|愈演愈烈|(?:呈|态势)[一-鿿]{0,2}?高发|高发态势|屡遭|频遭"
        r"|(?:滞后|落后)于|跟不上|赶不上|快于[^，。；]{1,12}?(?:能力|监管|步伐)|(?:尚无|没有|缺乏)[^，。；]{0,6}?(?:可靠|有效|足够)[^，。；]{0,4}?(?:方法|办法|手段|保障|防护|措施)"
        r"|(?:难以|无从|无法|再难|更难)[一-鿿]{0,2}?(?:察觉|辨别|发现|逆转|挽回|弥补|预料|追责|追究|防范|纠正|防御|承受|遏制|收回|撤回|核查|查明|解释)"
        r"|(?:谁也|任何人都|无人)(?:不能|无法|难以)|落入[^，。；]{0,10}?(?:之手|手中)|不法分子之手|明显(?:偏高|偏低)|明显的?短板|牵一发而动全身"
        r"|(?:更|较|尤其)?容易(?:受到?|遭到?|被)|恐[难无]|(?:正在|日益|逐步|不断)(?:侵蚀|削弱|破坏|加剧|恶化|加重)|(?:错误|多人|无辜)[^，。；]{0,6}?(?:被捕|误捕|受害)"
        r"|(?:偏见|成见|歧视|错误)[^，。；]{0,12}?(?:延续|蔓延|放大|固化|累积)|失去(?:住所|工作|生命|信任|机会)"
        r"|(?:随之|因此|因而)[一-鿿]{0,2}?(?:受损|下降|丧失|而来)|寒蝉效应|(?:带来|造成|形成)[一-鿿]{0,4}?压力"
        r"|风险(?!意识|评估|管理|等级|防控|监测|分类|分级|预警|治理|研判|应对|提示|管控|防范|测试|识别|处置)",
    ),
]
_ZH_CONDITION = re.compile(
    r"^[\s“”（(]*(?:第[〇零一二三四五六七八九十百\d]+条\s*)?(?:如果|如|若|当|倘|为了?|根据|依照|依据|按照|除|鉴于|由于|因|凡是?|即使|虽然|尽管|只要|只有|对于|违反|未按)"
)
_ZH_SOURCE = re.compile(
    r"^[\s“”（(]*(?:第[〇零一二三四五六七八九十百\d]+条\s*)?(?:根据|依照|依据|按照|当|如|若|对于|除|只有|凡|因|为)"
)


_ZH_OPINION = re.compile(
    r"(?:批评者|批评意见|反对者|有人|有观点|有意见|有学者|有专家|有代表|有批评者|部分[一-鿿]{1,6}|一些[一-鿿]{1,6})"
    r"(?:则|还|也)?(?:主张|认为|提出|声称|建议|表示|质疑)"
)
_ZH_QUESTION = re.compile(r"(?:是否|能否|可否|如何|怎样)[一-鿿]{0,6}$")
_ZH_CONTRAST = re.compile(r"^[\s“]*(?:但是?|然而|不过|而(?!且)|却|由于|因为?|鉴于|尽管|虽然?)")
_ZH_OBJECT = re.compile(
    r"(?:防止|避免|防范|评估|识别|应对|告知|说明|提示|预防|消除|减少|排查|处置|降低|确保|保证|考虑)[^，。；]*$"
)
# "预测可能出现的市场风险" is about work on risks; it warns of nothing.
_ZH_RISK_WORK = re.compile(
    r"(?:评估|管理|应对|研判|预测|识别|分析|监测|针对|围绕|减轻|降低|重视|低估|梳理|控制|管控|排查|处置|消除|化解|基于"
    r"|测试|标准)(?!出?的|到的)[^，。；]*$"
)
_ZH_PAST = re.compile(r"始建于|成立于|位于|已于|历时|曾于|截至|参与了|完成了|召开了")


class _ChineseRules(_Rules):
    def stands_alone(
        self, sentence: str, clause: tuple[int, int], marker: _Marker, rank: int
    ) -> bool:
        if _ZH_OBJECT.search(sentence[clause[0] : marker.start]):
            return False
        if _ZH_CONTRAST.match(sentence[clause[0] : clause[1]]):
            return True
        # A later clause without a contrast goes on with the duty before it.
        opens = clause[0] == 0 or sentence[clause[0] - 1] in "；;。！？\n"
        return opens and rank == 0 and marker.weight == CLAIM

    def tells(self, clause: str) -> bool:
        return _ZH_PAST.search(clause) is not None

    def harms(self, lead_in: str, item: str) -> bool:
        # A Chinese lead-in says 可能导致 or 风险包括 itself.
        return False

    def rank(self, sentence: str, clause: tuple[int, int], marker: _Marker) -> int:
        if _ZH_QUESTION.search(sentence[clause[0] : marker.start]):
            return 2
        if marker.position is not P.WARNS and _ZH_OPINION.search(sentence[: marker.start]):
            return 2
        if (
            marker.position is P.WARNS
            and marker.weight == HINT
            and _ZH_RISK_WORK.search(sentence[clause[0] : marker.start])
        ):
            return 2
        text = sentence[clause[0] : clause[1]].rstrip("，；：。！？\n ,;:")
        tail = sentence[marker.end : clause[0] + len(text)]
        ends = clause[1] <= len(sentence) and sentence[clause[1] - 1] in "，,"
        # "应当备案而未备案的，" names a case; "不得有下列行为" forbids one.
        if text.endswith("除外"):
            return 2
        if ends and text.endswith(("的", "时", "后", "前", "之日起", "情况下", "情形下")):
            return 2
        # "用于标识应当公开的信息": the word qualifies a noun further on.
        if (
            marker.strong
            and re.match(r"[一-鿿]{1,6}的[一-鿿]", tail)
            and _has_verb_before(sentence[clause[0] : marker.start])
        ):
            return 2
        if _ZH_CONDITION.match(text):
            return 1 if _ZH_SOURCE.match(text) else 2
        return 0


def _has_verb_before(text: str) -> bool:
    """Whether the clause has its predicate before this point, so that what follows qualifies."""
    return bool(
        re.search(r"(?:公布|公开|明确|包括|属于|列明|说明|含有|确定|履行)[一-鿿]{0,4}$", text)
    )


_TRADITIONAL = re.compile(r"[應須勵導動諾將險國無進開與為對發務當禁證義]")


def _simplified(text: str) -> str:
    """Same text, same length, in simplified characters; the converter loads only when needed."""
    if not _TRADITIONAL.search(text):
        return text
    from qiutong.text import to_simplified

    return to_simplified(text)


_ENGLISH = _EnglishRules(_ENGLISH_PATTERNS, r"[,;:.](?=\s|$)|\s[-–—]+\s|—|[()]|\s(?=but\s)")
_CHINESE = _ChineseRules(_CHINESE_PATTERNS, r"[，；：。！？\n,;]")
_RULES: dict[str, _Rules] = {"en": _ENGLISH, "zh": _CHINESE}
