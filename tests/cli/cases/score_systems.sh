printf 'The cat sat on the mat.\nHello world!\n' > old
printf 'The cat is on the mat.\nHello, world!\n' > new
printf 'The cat is on the mat.\nHello, world!\n' > ref
printf '0.5\n0.6\n0.9\n0.7\n' > comet
"$DRAGOMAN" score --hyp old new --ref ref -m chrf,ter --test randomisation --test-n 100 --segment-scores COMET=comet --width 1
"$DRAGOMAN" score --hyp new --ref ref --src old --tokenize char -m bleu --export-metricx out.jsonl
cat out.jsonl
