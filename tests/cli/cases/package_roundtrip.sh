"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --type q4_k_m > /dev/null || exit
"$DRAGOMAN" --quiet package a.gguf -o out --shard-size 4MiB --languages de,fr > /dev/null || exit
"$DRAGOMAN" package --verify out > /dev/null && echo "package is whole"
shard=$(find out -size +3M -type f | sort | head -1)
printf 'X' | dd of="$shard" bs=1 seek=1000 conv=notrunc status=none
"$DRAGOMAN" package --verify out | grep -c FAIL
exit "${PIPESTATUS[0]}"
