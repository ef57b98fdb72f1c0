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


@dataclass(frozen=True, slots=True)
class _Marker:
    """A word that carries force: where it stands, what it says, and whether it says it firmly."""

    start: int
    end: int
    position: Position
    strong: bool


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
        # A list of dangers under "The risks include:" keeps warning; a bare noun takes over duty.
        if above is not None and (above.strong or own is None):
            return above.position
    return own.position if own is not None else P.MENTIONS


class _Rules:
    """Markers and clause rules of one language."""

    def __init__(self, patterns: list[tuple[Position, bool, str]], clause_break: str) -> None:
        self._meaning = [(position, strong) for position, strong, _ in patterns]
        self._pattern = re.compile(
            "|".join(f"(?P<m{i}>{pattern})" for i, (_, _, pattern) in enumerate(patterns)),
            re.IGNORECASE,
        )
        self._break = re.compile(clause_break, re.IGNORECASE)
        # A sentence is asked once for each code found in it.
        self._marked = lru_cache(maxsize=256)(self._mark)

    def read(self, sentence: str, evidence: tuple[int, int] | None) -> _Marker | None:
        """Give the marker that governs the evidence, or the first main clause, or None."""
        markers, clauses = self._marked(sentence)
        return _governing(markers, clauses, evidence) if markers else None

    def _mark(self, sentence: str) -> tuple[tuple[_Marker, ...], tuple[tuple[int, int], ...]]:
        """Find the markers of the best rank there is, and the clauses."""
        clauses = self._clauses(sentence)
        main: list[_Marker] = []
        fallback: list[_Marker] = []
        for hit in self.hits(sentence):
            position, strong = self._meaning[int((hit.lastgroup or "m0")[1:])]
            marker = _Marker(hit.start(), hit.end(), position, strong)
            clause = next(c for c in clauses if c[0] <= hit.start() < c[1])
            rank = self.rank(sentence, clause, marker)
            if rank == 0:
                main.append(marker)
            elif rank == 1:
                fallback.append(marker)
        pools = ([m for m in main if m.strong], [m for m in fallback if m.strong], main)
        return tuple(next((pool for pool in pools if pool), ())), clauses

    def hits(self, sentence: str) -> Iterator[re.Match[str]]:
        """Every match of a pattern, from left to right, not overlapping."""
        return self._pattern.finditer(sentence)

    def rank(self, sentence: str, clause: tuple[int, int], marker: _Marker) -> int:
        """Say whether a marker is in a main clause (0), usable if there is no other (1), or not."""
        raise NotImplementedError

    def _clauses(self, sentence: str) -> tuple[tuple[int, int], ...]:
        cuts = [0, *(hit.end() for hit in self._break.finditer(sentence)), len(sentence) + 1]
        return tuple((a, b) for a, b in pairwise(cuts) if a < b)


def _governing(
    markers: Sequence[_Marker],
    clauses: Sequence[tuple[int, int]],
    evidence: tuple[int, int] | None,
) -> _Marker:
    """Pick the marker over the evidence: in its clause, nearest before; else before; else after."""
    if evidence is None:
        return markers[0]
    start = evidence[0]
    low, high = next((c for c in clauses if c[0] <= start < c[1]), clauses[-1])
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
    r"|lower (?:the )?barriers?|evade|escape|leak|reveal|expose|infringe|violate|displace"
    r"|(?:create|present|introduce|raise|carry|increase|entail)s? (?:[\w-]+ ){0,4}?"
    r"(?:risks?|threats?|dangers?|harms?|hazards?|concerns?|vulnerabilit\w+)"
    r"|produce (?:[\w-]+ ){0,2}?(?:false|biased|harmful|inaccurate|misleading|discriminatory)"
    r"|(?:be|become) (?:[\w-]+ ){0,2}?(?:misused|abused|exploited|weaponi[sz]ed|manipulated"
    r"|compromised|stolen|hijacked|misled|deceived|turned against|biased|unreliable|unsafe|lost"
    r"|used (?:[\w-]+ ){0,3}?(?:maliciously|to (?:harm|attack|deceive|manipulate|discriminate"
    r"|build weapons|spread)))"
    r"|(?:help|enable|allow|assist|aid) (?:[\w-]+ ){0,3}?(?:malicious|bad|criminal|terrorist"
    r"|hostile|non-state|attackers?|criminals|terrorists)\b)"
)
_ADVERB = r"(?:(?:\w+ly|also|then|at least|in turn|thus|therefore|further|still|even|always)\s+)?"
_WILL = (
    r"(?:we|i|our \w+|(?:the )?(?:[\w-]+ )?(?:government|administration|commission|ministry"
    r"|department|agency|agencies|secretary|office|institute|council|company|companies|signatories"
    r"|participants|parties|members|countries|states|nations|laborator(?:y|ies)|labs?|sides"
    r"|developers|president|china|united states|kingdom|union))"
)

_ENGLISH_PATTERNS: list[tuple[Position, bool, str]] = [
    # Duties expressly denied, and rules of construction: nobody is bound by these.
    (
        P.MENTIONS,
        True,
        r"\bnothing in (?:this|these|the|that|any|sub\w+|section)\b[^,;.]{0,80}?"
        r"\b(?:shall|may|should|must|will|is|does)\b(?: be| not)?",
    ),
    (
        P.MENTIONS,
        True,
        r"\b(?:shall|should|must|may|will|is|are) not (?:to )?be (?:\w+ly )?"
        r"(?:construed|interpreted|read|deemed|understood|taken|treated) (?:as|to)\b",
    ),
    (
        P.MENTIONS,
        True,
        r"\b(?:is|are|be|was|were) (?:\w+ly )?(?:not|neither|never|no longer) (?:\w+ly )?"
        r"(?:required|obliged|obligated|bound|mandated|mandatory|compulsory|directed)\b",
    ),
    (
        P.MENTIONS,
        True,
        r"\b(?:shall|may|must|should|will) not (?:\w+ )?be (?:required|obliged|obligated|compelled"
        r"|mandatory)\b",
    ),
    (
        P.MENTIONS,
        True,
        r"\bno (?:[\w-]+ ){1,5}?(?:shall|may|must|should|will|is|are) (?:be )?"
        r"(?:required|obliged|obligated|compelled)\b",
    ),
    (
        P.MENTIONS,
        True,
        r"\b(?:need not|needn't|(?:does|do) not (?:have|need) to|(?:does|do|did|shall) not"
        r" (?:require|oblige|mandate|apply|affect|prohibit|preclude|prevent|forbid)"
        r"|(?:has|have|is|are) (?:under )?no (?:\w+ )?(?:obligation|duty|requirement)"
        r"|(?:is|are|shall be) (?:\w+ly )?exempt(?:ed)?|not (?:\w+ly )?"
        r"(?:prohibited|forbidden|banned))\b",
    ),
    (
        P.ENCOURAGES,
        True,
        r"\b(?:may|can|could),? but (?:need not|(?:is|are) not (?:required|obliged|obligated)"
        r"|(?:does|do) not (?:have|need) to|shall not be required)\b",
    ),
    # Two negations of the same act cancel out.
    (P.COMMITS, True, r"\b(?:we|our \w+) (?:will|shall) (?:not|never) fail to\b"),
    (
        P.REQUIRES,
        True,
        r"\b(?:must|shall|may|can) (?:not|never) (?:fail|omit|neglect|forget)\b",
    ),
    (P.ENCOURAGES, True, r"\bshould (?:not|never) (?:fail|omit|neglect|forget)\b"),
    (
        P.REQUIRES,
        True,
        r"\b(?:must|shall|may) not be (?:less|fewer|lower|shorter|smaller|earlier|weaker) than\b",
    ),
    # A promise, whatever it promises.
    (
        P.COMMITS,
        True,
        rf"\b(?:we|i) {_ADVERB}(?:will|shall|commit|pledge|undertake|promise|vow|resolve|agree"
        r"|intend to|aim to|reaffirm our (?:commitment|resolve)"
        r"|(?:are|remain|stand) (?:\w+ )?(?:committed|determined|dedicated|resolved)"
        r"|have (?:\w+ )?(?:committed|pledged|agreed|undertaken|resolved))\b(?: not| never)?",
    ),
    (
        P.COMMITS,
        True,
        r"\b(?<!to )(?<!must )(?<!shall )(?<!should )(?:commits?|committed|pledge[sd]?|undertakes?"
        r"|undertook|vow(?:s|ed)?|promise[sd]?|agree[sd]?) (?:\w+ly )?(?:not )?(?:to|that|itself|themselves)\b",
    ),
    (P.COMMITS, True, r"\b(?:is|are|remains?) (?:\w+ )?committed to\b"),
    (
        P.COMMITS,
        True,
        rf"\b{_WILL} {_ADVERB}will\b(?! (?:be|need to|have to) (?:required|subject))",
    ),
    # What may happen, as opposed to what may be done.
    (
        P.WARNS,
        False,
        r"\bmay not (?:be (?:able|aware|sufficient|accurate|appropriate|suitable|apparent|possible"
        r"|known|available|reliable|enough|visible|clear|effective|fair|robust|representative|safe)"
        r"|always|fully|necessarily|yet|understand|know|reflect|work|perform|generali[sz]e|behave"
        r"|hold|capture|realize|realise|notice)\b",
    ),
    (
        P.WARNS,
        False,
        rf"\b(?:could|might|may|can|would|threatens? to) (?:(?!not\b)[\w-]+ ){{0,2}}?{_HARM}",
    ),
    # Prohibition.
    (
        P.PROHIBITS,
        True,
        r"\b(?:shall|must|should|will|may) (?:\w+ly )?(?:(?:prohibit|ban|forbid)\b"
        r"|be (?:\w+ly )?(?:prohibited|banned|forbidden|barred|unlawful|illegal)"
        r"|(?:refrain|abstain|desist) from)",
    ),
    (
        P.PROHIBITS,
        True,
        r"\b(?:must|shall|may|should|ought|can) (?:in no case |under no circumstances |\w+ly )?"
        r"(?:not|never)\b|\b(?:mustn't|shouldn't|shan't)\b"
        r"|\b(?:must|shall|may|should)(?:, [^,]{1,40},| under no circumstances| in no case)"
        r" (?:not\b|never\b)?(?<!, )",
    ),
    (
        P.PROHIBITS,
        True,
        r"\b(?:no (?!later|less|fewer|more|longer|sooner|earlier|doubt|matter)(?:[\w'-]+ ){1,10}?"
        r"|neither (?:[\w'-]+ ){1,8}?|no ?one |nobody |under no circumstances |in no case )"
        r"(?:shall|may|must|should)\b",
    ),
    (
        P.PROHIBITS,
        True,
        r"\b(?:is|are) (?:hereby |\w+ly )?(?:prohibited|forbidden|banned|barred|unlawful|illegal"
        r"|not (?:permitted|allowed|authori[sz]ed|acceptable))\b",
    ),
    (P.PROHIBITS, True, r"\b(?<!to )(?:prohibits|forbids|bans)\b|^\W*(?:prohibit|ban|forbid)\b"),
    (P.PROHIBITS, True, r"^\W*(?:do not|don't|never)\b"),
    # Definitions and titles only sound like duty and permission.
    (P.MENTIONS, True, r"\bmay be cited as\b|\bshall (?:mean\b|have the (?:same )?meaning)"),
    # Duty.
    (P.REQUIRES, True, r"\b(?:may|can) (?:\w+ )?only\b"),
    (P.REQUIRES, True, r"\b(?:must|shall)\b"),
    (
        P.REQUIRES,
        True,
        r"\b(?:is|are|be|been) (?:hereby |also |\w+ly )?(?:required|obliged|obligated|directed"
        r"|instructed|mandated|ordered|compelled|duty-bound)\b|\b(?:is|are) mandatory\b",
    ),
    (
        P.REQUIRES,
        True,
        r"\b(?<!to )(?:requires?|mandates?|obliges?) (?:that\b|(?:[\w'-]+ ){1,8}?to\b)|\bha(?:s|ve) to\b"
        r"|\bneeds? to\b|\b(?:has|have) (?:a|the) (?:\w+ )?(?:duty|obligation) to\b",
    ),
    (
        P.REQUIRES,
        True,
        r"(?<!aim )(?<!goal )(?<!purpose )(?<!objective )\b(?:is|are) to (?:be|submit|report|ensure"
        r"|provide|establish|conduct|publish|keep|carry|notify|adopt|implement|maintain)\b",
    ),
    # Encouragement, advice and permission.
    (P.ENCOURAGES, True, r"\b(?:should|ought to)\b"),
    (
        P.ENCOURAGES,
        True,
        r"\b(?:is|are|be) (?:\w+ly )?(?:encouraged|urged|invited|advised|recommended|permitted"
        r"|allowed|authori[sz]ed|entitled|free|welcome) to\b|\bit is (?:\w+ly )?"
        r"(?:recommended|advisable|desirable)\b",
    ),
    (P.ENCOURAGES, True, r"\bmay\b(?! \d)"),
    (
        P.ENCOURAGES,
        True,
        r"(?<!to )(?<!not )\b(?:encourages|recommends|urges|supports|promotes|fosters|advocates"
        r"|welcomes|facilitates|calls (?:on|upon|for)|favou?rs)\b",
    ),
    (
        P.ENCOURAGES,
        True,
        r"\b(?:we|they|i|parties|members|states|countries|governments|companies|stakeholders"
        r"|signatories|sides|nations|participants) (?:\w+ly |also |further |jointly )?(?:encourage"
        r"|recommend|urge|support|promote|foster|advocate|call (?:on|upon|for)|welcome|invite"
        r"|advise|suggest|propose|favou?r|believe in)\b",
    ),
    (
        P.ENCOURAGES,
        False,
        r"^\W*(?:\(?\w{1,4}[.)]\s*)?(?:encourag(?:e|ing)|support(?:ing)?|promot(?:e|ing)"
        r"|foster(?:ing)?|advanc(?:e|ing)|facilitat(?:e|ing)|expand(?:ing)?|invest(?:ing)?"
        r"|strengthen(?:ing)?|establish|develop|create|launch|build|ensure|improve|publish|adopt"
        r"|accelerate|convene|fund|partner|continue|prioriti[sz]e|consider|explore|conduct|provide"
        r"|require|update|review|issue|work with|recommend(?:ed)?|train|evaluate|leverage|use"
        r"|coordinate|collaborate|share|increase|enhance|maintain|protect|streamline|incentivi[sz]e)\b",
    ),
    # Description of danger.
    (
        P.WARNS,
        False,
        r"\b(?:pos|present|rais|creat|carr|entail|bring)(?:e|es|s|ies|y|ing|ed)? (?:[\w-]+,? ){0,5}?"
        r"(?:risks?|threats?|dangers?|concerns?|harms?|hazards?|challenges?)\b"
        r"(?! (?:assessment|management|analys|evaluation|mitigation))",
    ),
    (P.WARNS, False, r"\b(?:warn(?:s|ed|ing)?|caution(?:s|ed)?|beware|alarm(?:ed|ing)?)\b"),
    (
        P.WARNS,
        False,
        r"\b(?:concern(?:s|ed)? (?:about|that|over|is|are)|worr(?:y|ies|ied) (?:about|that|over)"
        r"|vulnerable to|susceptible to|prone to|at risk|endangers?|jeopardi[sz]es?|threatens?"
        r"|undermines?|exacerbates?|amplif(?:y|ies)|perpetuates?|(?:leads?|led) to|harms\b"
        r"|fears? (?:of|that)|(?:lead|result)ing in)\b",
    ),
    (
        P.WARNS,
        False,
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
        if _CONDITION.match(opening):
            # "Where a system is high-risk the provider shall" forgets the comma: better than none.
            # A condition that a comma closes is over, and its modals bind nobody.
            closed = clause[1] <= len(sentence) and not sentence[clause[0] :].lower().startswith(
                ("except", "provided")
            )
            return 2 if closed else 1
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


# --------------------------------------------------------------------------- Chinese

_CLAUSE = r"[^，。；：！？\n]"
_HARM_ZH = (
    r"(?:导致|造成|引发|引起|带来|危害|危及|损害|侵害|侵犯|威胁|加剧|放大|固化|误导|冲击|削弱|破坏|泄露"
    r"|滋生|诱发|产生(?:歧视|偏见|虚假|错误|有害|风险|偏差)|被(?:恶意|非法|不法|滥用|误用|用于|用来|窃取"
    r"|利用|操纵|攻击)|失控|出现(?:偏差|歧视|错误|幻觉|失控)|存在|逃避|逃脱|扩散|助长|降低.{0,10}门槛"
    r"|影响|使.{0,16}(?:受损|失控|失业)|依赖|沉迷|歧视|脱离.{0,6}控制|沦为|面临)"
)
_CHINESE_PATTERNS: list[tuple[Position, bool, str]] = [
    (
        P.MENTIONS,
        True,
        r"(?:无须|无需|毋须|毋需|不须|不需要|不必|不强制|不要求|免于|可以不(?!予)|可不(?!予)"
        r"|不(?:得|应)?(?:被)?(?:解释|理解|视)为|不适用|不影响)",
    ),
    (P.REQUIRES, True, r"不得不|不能不|不可不|不应不"),
    (P.REQUIRES, True, r"不得(?:少于|低于|短于|小于|弱于)|不(?:应|宜)(?:少于|低于)"),
    (
        P.COMMITS,
        True,
        r"(?:我们|我国|中国|中方|本公司|我司|本单位|双方|各方|缔约方|签署方|签署企业|成员单位|政府|各国)"
        r"(?:[一-鿿]{0,6}?)(?:承诺|将(?![一-鿿]{0,12}(?:作为|纳入))|致力于|决心|保证|愿(?!望|景))",
    ),
    (
        P.COMMITS,
        True,
        r"承诺(?!书|制|函|的|事项|履行)|郑重宣布|致力于|愿(?:同|与|意(?:同|与|为|在|向)|在|为|继续|进一步)",
    ),
    (
        P.COMMITS,
        True,
        r"国家(?:[一-鿿]{0,4}?)(?:建立|完善|健全|加强|制定|实行|实施|采取|加大|统筹|保护|保障|坚持|设立"
        r"|组织|建设|构建)",
    ),
    (
        P.PROHIBITS,
        True,
        r"(?<!舍)(?<!获)不得(?!以|已而)|不得以|(?:严禁|严格禁止|不许|不准|不应(?:当)?|切勿|请勿|禁用|杜绝"
        r"|坚决(?:反对|抵制)|不可以|不允许)|(?<!法律)(?<!法规)(?<!规定)(?<!所)禁止(?!性|的|令|事项|内容|清单)",
    ),
    (
        P.REQUIRES,
        True,
        rf"应对(?={_CLAUSE}{{1,40}}?(?:进行|开展|予以|加以|作出|实施|采取|负责|承担|做好|给予))",
    ),
    (
        P.REQUIRES,
        True,
        r"应当(?!前)|(?<![相适响反供效对回呼感顺策因])应(?![用急对答邀变聘届激收付付有尽声和战酬景])"
        r"|必须|(?<![无毋不])须(?!知)|方可|方能|才可|只能|有义务|务必|有责任|责令|应有(?:的)?(?=义务)"
        r"|(?<![必急无按所刚内军供不])(?<!发展)(?<!工作)(?<!业务)(?<!实际)(?<!现实)(?<!管理)需(?!求|要的)|负有[一-鿿]{0,10}?(?:义务|责任)"
        r"|应尽(?=[一-鿿]{0,4}?(?:告知|说明|提示))",
    ),
    (
        P.REQUIRES,
        True,
        r"(?:^|(?<=[，；：。、\s]))(?:都|均|也|还|更|既|又)?要(?=[一-鿿]{2})(?!求|素|点|闻|么|件|是|害)"
        r"|(?<=各地)要|(?<=地区)要|(?<=各级)要|(?<=各方)要|(?<=部门)要|(?<=单位)要|(?<=企业)要|(?<=机构)要|(?<=政府)要",
    ),
    (
        P.REQUIRES,
        True,
        r"(?<!的)(?<!按照)(?<!根据)(?<!符合)(?<!合规)(?<!安全)要求(?=[一-鿿]{2,16}(?:提供|建立|开展|采取|履行|报告|制定|公开|提交|停止|整改|对))",
    ),
    (P.WARNS, False, rf"(?:可能|容易|易于|会|足以|或将|极易){_CLAUSE}{{0,12}}?{_HARM_ZH}"),
    (
        P.ENCOURAGES,
        True,
        r"鼓励|倡导|提倡|呼吁|建议(?!书|稿)|可以|(?<![认许不])可(?=向|根据|依法|按照|采取|要求|申请|自愿|自行|视情|结合|参照|参考)"
        r"|(?:国家|政府|我们|各国|中方|双方|各方|各地|部门)(?:[一-鿿]{0,10}?)(?:支持|推动|促进|推进|引导|扶持)|不妨|宜(?=采|由|在|根据)|有权",
    ),
    (
        P.ENCOURAGES,
        True,
        r"(?:^|(?<=[，；：、\s]))(?:积极|大力|共同|进一步|持续|稳步|有序|加快)?(?:支持(?!者)|推动|促进|推进|引导|扶持|推广)",
    ),
    (
        P.ENCOURAGES,
        False,
        r"^[\W\d]*(?:[（(]?[一二三四五六七八九十\d]+[）)、.．]\s*)?(?:积极|大力|共同|进一步|持续|稳步|不断|着力|切实|加快|探索|深入)*"
        r"(?:加强|完善|建立|健全|构建|开展|落实|强化|提升|提高|建设|打造|培育|制定|发展|深化|拓展|坚持"
        r"|优化|加大|探索|研究|形成|组织|确保|设立|参与|布局|突破|培养|实施)",
    ),
    (
        P.WARNS,
        False,
        r"警惕|担忧|忧虑|关切(?!回应)|隐患|危及|威胁|滥用|误用|失控|(?:存在|面临|带来|引发|产生|造成|加剧)"
        rf"{_CLAUSE}{{0,14}}?(?:风险|危险|危害|挑战|问题|威胁|歧视|偏见)|防范{_CLAUSE}{{0,20}}?风险"
        r"|风险(?!评估|管理|等级|防控|监测|分类|分级|预警|治理|研判|应对|提示|管控|防范|测试|识别|处置)",
    ),
]
_ZH_CONDITION = re.compile(
    r"^[\s“”（(]*(?:第[〇零一二三四五六七八九十百\d]+条\s*)?(?:如果|如|若|当|倘|为了?|根据|依照|依据|按照|除|鉴于|由于|因|凡是?|即使|虽然|尽管|只要|只有|对于|违反|未按)"
)
_ZH_SOURCE = re.compile(
    r"^[\s“”（(]*(?:第[〇零一二三四五六七八九十百\d]+条\s*)?(?:根据|依照|依据|按照|当|如|若|对于|除|只有|凡|因|为)"
)


class _ChineseRules(_Rules):
    def rank(self, sentence: str, clause: tuple[int, int], marker: _Marker) -> int:
        text = sentence[clause[0] : clause[1]].rstrip("，；：。！？\n ,;:")
        tail = sentence[marker.end : clause[0] + len(text)]
        ends = clause[1] <= len(sentence) and sentence[clause[1] - 1] in "，,"
        # "应当备案而未备案的，" names a case; "不得有下列行为" forbids one.
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
