# The suite phase asks the 16-bit model, says what BLEU cannot decide, and leaves its translations to the baseline's run.
"$DRAGOMAN" ship --languages de,fr,es --samples-per-language auto --calibration-sentences 20 --stop-after baseline 2> said > /dev/null
grep -c 'BLEU needs' said
grep -o 'auto: 60 sentences a language' said
for phase in suite baseline; do grep -c '"sample_plan"' work/evidence/$phase.json; done
cmp <(grep -v '"domain":"edge' work/eval/baseline_predictions.jsonl) work/eval/pilot_predictions.jsonl && echo "nothing twice"
