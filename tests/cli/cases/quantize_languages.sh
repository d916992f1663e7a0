"$DRAGOMAN" --quiet --json quantize "$SOURCE/models/mini" --type q4_k_m --languages en,de --plan > plan.json || exit
planned=$(grep -o '"file_bytes": [0-9]*' plan.json | head -1 | grep -o '[0-9]*')
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --type q4_k_m --languages English,German --threads 1 > text || exit
[ "$(stat -c %s a.gguf)" = "$planned" ] && echo "as planned"
sed 1d text
"$DRAGOMAN" translate "Good morning." --to de --model a.gguf
"$DRAGOMAN" translate "Good morning." --to ja --model a.gguf
