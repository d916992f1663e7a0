"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o draft.gguf --type q2_k > /dev/null || exit
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o trimmed.gguf --type q4_k_m --languages en,ja > /dev/null || exit
head -12 "$SOURCE/data/suite/builtin.jsonl" | grep -o '"en": "[^"]*' | cut -c8- > lines.txt
"$DRAGOMAN" --quiet translate --to de -i lines.txt -o plain.txt --speculate off
"$DRAGOMAN" --quiet --json translate --to de -i lines.txt -o guessed.txt --speculate always --draft draft.gguf --batch 2 > report.json
cmp plain.txt guessed.txt && [ "$(wc -l < plain.txt)" = 11 ] && echo "same text"
grep -A3 '"drafted"' report.json | grep -q '"accepted": [1-9]' && echo "guesses accepted"
"$DRAGOMAN" translate "Good morning." --to de --draft trimmed.gguf
