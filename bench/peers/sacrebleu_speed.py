"""Processor seconds that sacreBLEU takes on the files of score_speed, one metric a process, nothing cached, one thread.
usage: sacrebleu_speed.py HYPOTHESES REFERENCES METRIC [REPETITIONS]"""
import subprocess, sys, time

if len(sys.argv) > 4:
    runs = [subprocess.run([sys.executable] + sys.argv[:4], capture_output=True, text=True, check=True).stdout.split()
            for _ in range(int(sys.argv[4]))]
    print(sys.argv[3], runs[0][1], min(float(run[2]) for run in runs))
    sys.exit()
from sacrebleu.metrics import BLEU, CHRF, TER

make = {"bleu-13a": lambda: BLEU(), "bleu-intl": lambda: BLEU(tokenize="intl"), "bleu-char": lambda: BLEU(tokenize="char"),
        "bleu-13a-lc": lambda: BLEU(lowercase=True), "chrf": lambda: CHRF(), "chrf++": lambda: CHRF(word_order=2),
        "ter": lambda: TER(), "ter-norm": lambda: TER(normalized=True)}[sys.argv[3]]
hypotheses, references = ([line.rstrip("\n") for line in open(path, encoding="utf-8", newline="\n")] for path in sys.argv[1:3])
metric = make()
start = time.process_time()
score = metric.corpus_score(hypotheses, [references]).score
print(sys.argv[3], repr(score), time.process_time() - start)
