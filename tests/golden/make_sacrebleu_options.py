#!/usr/bin/env python3
"""Makes sacrebleu_options.jsonl: small corpora with the scores of real sacreBLEU under every option.

usage: make_sacrebleu_options.py SACREBLEU_CASES OUTPUT_FOLDER [--mecab-dictionary FOLDER --libmecab FILE]

Needs sacrebleu, sentencepiece and numpy. The Japanese tokenizer needs MeCab and the IPA dictionary: either the packages
of sacrebleu[ja], or a dictionary folder and libmecab.so, which are then given to sacreBLEU's own class through ctypes.
"""
import argparse, ctypes, itertools, json, os, platform, random, sys, types

parser = argparse.ArgumentParser()
parser.add_argument("cases")
parser.add_argument("out")
parser.add_argument("--mecab-dictionary")
parser.add_argument("--libmecab")
args = parser.parse_args()


def provide_mecab():
    lib = ctypes.CDLL(args.libmecab)
    for name in ("mecab_version", "mecab_sparse_tostr"):
        getattr(lib, name).restype = ctypes.c_char_p
    lib.mecab_new2.restype = ctypes.c_void_p
    lib.mecab_new2.argtypes = [ctypes.c_char_p]
    lib.mecab_sparse_tostr.argtypes = [ctypes.c_void_p, ctypes.c_char_p]

    class Info(ctypes.Structure):
        pass

    Info._fields_ = [("filename", ctypes.c_char_p), ("charset", ctypes.c_char_p), ("size", ctypes.c_uint),
                     ("type", ctypes.c_int), ("lsize", ctypes.c_uint), ("rsize", ctypes.c_uint),
                     ("version", ctypes.c_ushort), ("next", ctypes.c_void_p)]
    lib.mecab_dictionary_info.restype = ctypes.POINTER(Info)
    lib.mecab_dictionary_info.argtypes = [ctypes.c_void_p]

    class Tagger:
        def __init__(self, arguments):
            self.handle = lib.mecab_new2(arguments.encode())
            assert self.handle, "MeCab cannot open " + arguments

        def dictionary_info(self):
            return lib.mecab_dictionary_info(self.handle).contents

        def parse(self, line):
            return lib.mecab_sparse_tostr(self.handle, line.encode()).decode()

        def version(self):
            return lib.mecab_version().decode()

    mecab = types.ModuleType("MeCab")
    mecab.Tagger = Tagger
    ipadic = types.ModuleType("ipadic")
    ipadic.MECAB_ARGS = "-r /dev/null -d " + args.mecab_dictionary
    sys.modules["MeCab"], sys.modules["ipadic"] = mecab, ipadic


if args.mecab_dictionary:
    provide_mecab()

import numpy, regex, sacrebleu, sentencepiece, unicodedata
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest
from sacrebleu.tokenizers import tokenizer_spm

os.makedirs(args.out, exist_ok=True)
rng = random.Random(20260226)
with open(args.cases, encoding="utf-8") as file:
    old = [json.loads(line) for line in file][1:]

# ---- SentencePiece models, in the place where sacreBLEU looks for its own ----
models = os.path.join(sacrebleu.utils.SACREBLEU_DIR, "models")
os.makedirs(models, exist_ok=True)
sentences = [line for case in old if case["kind"].startswith("text-") for line in case["ref"] if line.strip()]
with open("/tmp/rules.tsv", "w", encoding="utf-8") as file:  # a normalization small enough to commit
    for code in range(0xFF01, 0xFF5F):
        file.write(f"{code:X}\t{code - 0xFEE0:X}\n")
    file.write("3000\t20\nA0\t20\nFB01\t66 69\n")
for kind, name, rules in (("unigram", "flores101", "/tmp/rules.tsv"), ("bpe", "flores200", None)):
    prefix = os.path.join(args.out, "spm_" + kind)
    options = {"normalization_rule_tsv": rules} if rules else {"normalization_rule_name": "identity"}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_prefix=prefix, model_type=kind, vocab_size=700,
        character_coverage=0.98, hard_vocab_limit=False, num_threads=1, minloglevel=2, **options)
    os.remove(prefix + ".vocab")

    url = tokenizer_spm.SPM_MODELS[name]["url"]
    with open(prefix + ".model", "rb") as source, open(os.path.join(models, os.path.basename(url)), "wb") as target:
        target.write(source.read())

# ---- Configurations ----
CLASSES = {"bleu": BLEU, "chrf": CHRF, "ter": TER}
configs = {}


def config(name, metric, **options):
    configs[name] = {"metric": metric, "options": options}


tokenizers = ["13a", "intl", "zh", "char", "none", "flores101", "flores200"]
try:
    BLEU(tokenize="ja-mecab")
    tokenizers.append("ja-mecab")
except Exception as problem:
    print("no ja-mecab:", problem)
try:
    BLEU(tokenize="ko-mecab")
    tokenizers.append("ko-mecab")
except Exception as problem:
    print("no ko-mecab:", str(problem).strip().replace("\n", " "))
for name in tokenizers:
    config("bleu-" + name, "bleu", tokenize=name)
config("bleu-lc", "bleu", lowercase=True)
config("bleu-intl-lc", "bleu", tokenize="intl", lowercase=True)
for method, values in (("none", [None]), ("floor", [None, 0.35, 0.0]), ("add-k", [None, 0.7, 2.0])):
    for value in values:
        for effective in (False, True):
            config(f"bleu-{method}-{value}-{effective}", "bleu", smooth_method=method, smooth_value=value,
                   effective_order=effective)
config("bleu-eff", "bleu", effective_order=True)
config("bleu-char-eff-lc", "bleu", effective_order=True, tokenize="char", lowercase=True)
for order in (1, 2, 6, 8):
    config(f"bleu-order{order}", "bleu", max_ngram_order=order)
config("bleu-order6-eff", "bleu", max_ngram_order=6, effective_order=True)
config("chrf", "chrf")
config("chrf++", "chrf", word_order=2)
config("chrf-lc", "chrf", lowercase=True)
config("chrf-ws", "chrf", whitespace=True)
config("chrf-ws++", "chrf", whitespace=True, word_order=2, lowercase=True)
config("chrf-eps", "chrf", eps_smoothing=True)
config("chrf-eps++", "chrf", eps_smoothing=True, word_order=2)
config("chrf1", "chrf", beta=1)
config("chrf3+", "chrf", beta=3, word_order=1, char_order=4)
config("chrf-c1", "chrf", char_order=1)
config("chrf-c8w4", "chrf", char_order=8, word_order=4)
for flags in itertools.product((False, True), repeat=4):
    names = ("normalized", "no_punct", "asian_support", "case_sensitive")
    config("ter-" + "".join("01"[f] for f in flags), "ter", **dict(zip(names, flags)))

# ---- Corpora ----
HARD = [
    "aAbBzZ0159", "äÄöÖßẞéÉñ", "İıIiĞğ", "ΣσςΑΒΌΣΟΔΟΣ", "ǅǆǄǈ", "ﬁﬂﬀ", "ЖжЙйЁё", "ᏣᏤꭰᎠ", "ⴀⴁႠႡᲐᲑ", "𐐀𐐨𐐁𐐩",
    "ⅠⅡⅫⅰ", "①②⑳㉑", "²³¹½¾", "०१२३९", "٠١٢٣٩", "０１２ＡＢｚ", ".,-!?;:'\"()[]{}<>", "&%$#@*+/=\\^_`~|",
    "¿¡«»‹›„“”‘’…—–‐", "€£¥¢₹₿", "±×÷≤≥≠∞∑√", "←→⇒↔", "♥★☺✓✗", "👍🏽👨‍👩‍👧🇩🇪", "。、！？；：（）「」『』〈〉《》・", "｡｢｣､･ｱｲｳﾞ",
    "中文字符漢字𠀀𠀁㐀", "ひらがなカタカナー", "한국어조선글", "ㄱㄲㅏ", "กขคงไทย", "हिन्दीक्षि", "العربيةهذا", "עברית־׳״",
    "e\u0301a\u0308n\u0303", "\u200b\u200d\ufeff\u00ad", "\u00a0\u2003\u3000\u2028\u0085\u1680", "\x1c\x1d\x0b\x0c\t", "\ue000\U000f0000",
    "ªºʰᵃ", "˥˦ʼ", "㈠㈱㋿㍻㏄", "⺀⻳⼀㇀", "︰﹏﹐", "᠎ᠠ", "١٬٢٫٣", "𝐀𝒜𝟘𝟙",
]
WORDS = ("the a of to and in that it is was for on are with as his they at be this from have or one had by word but not "
         "what all were we when your can said there use an each which she do how their if will up other about out many "
         "then them these so some her would make like him into time has look two more write go see number no way could "
         "people my than first water been call who oil its now find long down day did get come made may part U.S. 3.5 "
         "1,000 don't it's (well) \"quote\" end. yes, no! e-mail a/b x-2 5-6 &amp; &quot;q&quot; &lt;b&gt; <skipped>").split()


def hard_text(length):
    out = []
    for _ in range(length):
        alphabet = rng.choice(HARD)
        out.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 4))))
        if rng.random() < 0.5:
            out.append(" ")
    return "".join(out)


def words(count, vocabulary=WORDS):
    return [rng.choice(vocabulary) for _ in range(count)]


def spoil(tokens, rate):
    tokens = list(tokens)
    for _ in range(max(1, int(len(tokens) * rate))):
        if not tokens:
            break
        kind, at = rng.randrange(5), rng.randrange(len(tokens))
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, rng.choice(WORDS))
        elif kind == 2:
            tokens[at] = rng.choice(WORDS)
        else:  # a block moves
            size = rng.randint(1, 6)
            block = tokens[at:at + size]
            del tokens[at:at + size]
            to = rng.randint(0, len(tokens))
            tokens[to:to] = block
    return tokens


def spoil_text(text, rate):
    chars = list(text)
    for _ in range(max(1, int(len(chars) * rate))):
        if not chars:
            break
        at = rng.randrange(len(chars))
        kind = rng.randrange(4)
        if kind == 0:
            del chars[at]
        elif kind == 1:
            chars.insert(at, rng.choice(rng.choice(HARD)))
        elif kind == 2:
            chars[at] = chars[at].swapcase()
        else:
            to = rng.randrange(len(chars))
            chars[at], chars[to] = chars[to], chars[at]
    return "".join(chars)


corpora = []  # kind, hypotheses, reference streams (None: this sentence has no such reference)


def add(kind, hyp, *streams):
    corpora.append((kind, list(hyp), [list(stream) for stream in streams]))


for case in old:  # the texts of the first table, a few sentences each
    if case["kind"].startswith("text-") and rng.random() < 0.5:
        streams = [case[key] for key in ("ref", "ref2") if key in case]
        add(case["kind"], case["hyp"][:4], *[stream[:4] for stream in streams])
for _ in range(190):
    references = [hard_text(rng.randint(1, 14)) for _ in range(rng.randint(1, 3))]
    add("hard", [spoil_text(reference, rng.choice((0.05, 0.2, 0.5))) for reference in references], references)
for _ in range(45):
    references = [hard_text(rng.randint(1, 8)) for _ in range(2)]
    add("hard-refs", [spoil_text(reference, 0.15) for reference in references], references,
        [spoil_text(reference, 0.3) for reference in references])
for _ in range(150):  # for TER: moved blocks, repeated words
    small = WORDS if rng.random() < 0.5 else ["a", "b", "c", "d", "E", "."]
    reference = words(rng.choice((1, 2, 3, 5, 8, 12, 20, 30)), small)
    add("shifts", [" ".join(spoil(reference, rng.choice((0.1, 0.3, 0.6))))], [" ".join(reference)])
for size_h, size_r in ((90, 90), (120, 70), (70, 150), (1, 80), (80, 1), (3, 160), (160, 3), (0, 5), (5, 0), (0, 0),
                       (2, 130), (61, 61), (100, 101)):
    small = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    reference = words(size_r, small)
    hypothesis = spoil(reference, 0.4) if abs(size_h - size_r) < 5 and size_r else words(size_h, small)
    add("beam", [" ".join(hypothesis)], [" ".join(reference)])
for size in (55, 60, 64, 75, 110):  # whole halves move farther than a shift may reach
    reference = [f"w{i}" for i in range(size)]
    add("beam", [" ".join(reference[size // 2:] + reference[:size // 2])], [" ".join(reference)])
    moved = reference[:]
    moved[3:3] = moved[-14:]
    del moved[-14:]
    add("beam", [" ".join(moved)], [" ".join(reference)])
for _ in range(60):  # several references, empty ones and missing ones
    count, streams = rng.randint(1, 4), rng.randint(2, 4)
    base = [words(rng.randint(1, 12)) for _ in range(count)]
    table = []
    for stream in range(streams):
        column = []
        for reference in base:
            chance = rng.random()
            column.append(None if stream > 0 and chance < 0.25 else "" if chance > 0.92 else " ".join(spoil(reference, 0.25)))
        table.append(column)
    add("refs", [" ".join(spoil(reference, 0.25)) for reference in base], *table)
for hyp, ref in (("", ""), ("a", ""), ("", "a"), (" ", "a b"), ("\u3000", "a"), ("a b c d", "a b c d"), ("A", "a"),
                 ("ΟΔΟΣ ΟΔΟΣ.", "οδος οδος."), ("İstanbul", "istanbul"), ("Σ", "ς"), ("a.b", "a . b"), ("1.", "1 ."),
                 ("x's end", "x 's end"), ("&amp;lt;", "&lt;"), ("中，文。", "中文"), ("東京・大阪", "東京 大阪"), ("㈱", "株")):
    add("edge", [hyp], [ref])
japanese = [case for case in old if case["kind"].endswith("-ja")]
for case in japanese:
    add("text-ja", case["hyp"][:4], case["ref"][:4])

# ---- Scores ----
always = ["bleu-13a", "chrf", "ter-0000"]
others = [name for name in configs if name not in always]
table, signatures, skipped = [], {}, 0
for index, (kind, hyp, streams) in enumerate(corpora):
    chosen = list(always)
    if kind == "text-ja" and "bleu-ja-mecab" in configs:
        chosen.append("bleu-ja-mecab")
    chosen += rng.sample(others, 9)
    if kind in ("hard", "edge"):
        chosen += [name for name in ("bleu-intl", "bleu-intl-lc", "chrf-lc", "ter-1111", "ter-1110") if name not in chosen]
    scores = {}
    for name in dict.fromkeys(chosen):
        metric = CLASSES[configs[name]["metric"]](**configs[name]["options"])
        try:
            score = metric.corpus_score(hyp, streams)
        except Exception as problem:
            skipped += 1
            print("skipped", index, kind, name, type(problem).__name__, problem)
            continue
        references = metric.num_refs
        signatures[f"{name} {0 if references == -1 else references}"] = metric.get_signature().format()
        line = score.format(width=2)
        scores[name] = [score.score] if line == f"{score.name} = {score.score:.2f}" else [score.score, line]
    sentence = {}
    for name in ("bleu-eff", "chrf", "ter-0000"):
        metric = CLASSES[configs[name]["metric"]](**configs[name]["options"])
        references = [stream[0] for stream in streams if stream[0] is not None]
        sentence[name] = metric.sentence_score(hyp[0], references).score
    table.append({"kind": kind, "hyp": hyp, "refs": streams, "scores": scores, "first": sentence})

# ---- Significance ----
paired = []
for trial, (count, references) in enumerate(((40, 1), (25, 3), (12, 1))):
    base = [words(rng.randint(4, 18)) for _ in range(count)]
    streams = [[" ".join(spoil(b, 0.1)) for b in base] for _ in range(references)]
    systems = [("A", [" ".join(spoil(b, 0.2)) for b in base]), ("B", [" ".join(spoil(b, 0.22)) for b in base])]
    systems.append(("C", [h if rng.random() < 0.7 else " ".join(spoil(b, 0.3)) for b, h in zip(base, systems[0][1])]))
    for seed in ("12345", "7"):
        os.environ["SACREBLEU_SEED"] = seed
        for kind, draws in (("bs", 1000), ("ar", 2000)):
            metrics = {"BLEU": BLEU(), "chrF": CHRF(), "chrF++": CHRF(word_order=2), "TER": TER()}
            found, table_of = PairedTest(systems, metrics, streams, test_type=kind, n_samples=draws)()
            results = {}
            for name in table_of:
                if name == "System":
                    continue
                results[name] = [[r.score, r.p_value, r.mean, r.ci] for r in table_of[name]]
            plain = lambda value: None if value is None else float(value)
            paired.append({"corpus": trial, "test": kind, "draws": draws, "seed": int(seed),
                           "signatures": {name: s.format() for name, s in found.items()},
                           "results": {n: [[plain(v) for v in row] for row in rows] for n, rows in results.items()}})
    os.environ["SACREBLEU_SEED"] = "12345"
    single = {}
    for name, metric in (("BLEU", BLEU()), ("chrF2", CHRF()), ("TER", TER())):
        score = metric.corpus_score(systems[0][1], streams, n_bootstrap=1000)
        single[name] = [score.format(width=2), metric.get_signature().format()]
    paired.append({"corpus": trial, "systems": systems, "refs": streams, "single": single})
generator = numpy.random.default_rng(12345)
numpy_stream = {"choice_7": generator.choice(7, size=40).tolist(), "bits": generator.integers(2, size=70, dtype=bool).astype(int).tolist(),
                "choice_3004": generator.choice(3004, size=(5, 6)).tolist(), "random": generator.random(3).tolist(),
                "seed_2p40": numpy.random.default_rng(2**40 + 5).choice(1000, size=8).tolist()}

header = {"schema": "dragoman.sacrebleu_options/1", "sacrebleu": sacrebleu.__version__, "python": platform.python_version(),
          "unicode": unicodedata.unidata_version, "regex": regex.__version__, "numpy": numpy.__version__, "sentencepiece": sentencepiece.__version__,
          "cases": len(table), "scores": sum(len(case["scores"]) for case in table), "configs": configs, "signatures": signatures}
with open(os.path.join(args.out, "sacrebleu_options.jsonl"), "w", encoding="utf-8") as file:
    for document in [header] + table:
        file.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
with open(os.path.join(args.out, "sacrebleu_paired.json"), "w", encoding="utf-8") as file:
    json.dump({"schema": "dragoman.sacrebleu_paired/1", "numpy": numpy_stream, "corpora": paired}, file, ensure_ascii=False, separators=(",", ":"))
# Every code point's categories and lower case, for a comparison with another Unicode library.
with open(os.path.join(args.out, "unicode_categories.txt"), "w", encoding="utf-8") as file:
    patterns = [regex.compile(p) for p in (r"\p{P}", r"\p{S}", r"\p{N}")]
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        c = chr(code)
        found = [name for name, pattern in zip("PSN", patterns) if pattern.match(c)]
        lower = c.lower()
        if found or lower != c:
            file.write(f"{code:X}\t{''.join(found)}\t{' '.join(f'{ord(x):X}' for x in lower) if lower != c else ''}\n")
print("cases", header["cases"], "scores", header["scores"], "skipped", skipped, "sacrebleu", sacrebleu.__version__,
      "numpy", numpy.__version__, "regex", regex.__version__, "unicode", unicodedata.unidata_version, "tokenizers", tokenizers)
