"$DRAGOMAN" --quiet --json quantize "$SOURCE/models/mini" --type q4_k_m --plan > plan.json || exit
planned=$(grep -o '"file_bytes": [0-9]*' plan.json | head -1 | grep -o '[0-9]*')
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --type q4_k_m > /dev/null || exit
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o b.gguf --type Q4_K_M --threads 1 > /dev/null || exit
cmp a.gguf b.gguf && [ "$(stat -c %s a.gguf)" = "$planned" ] && echo "same bytes, as planned"
"$DRAGOMAN" verify a.gguf --json --quiet > /dev/null || exit
"$DRAGOMAN" translate "Good morning." --to de --model a.gguf
