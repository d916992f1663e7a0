printf 'Good morning.\n' > a.txt
printf 'Good morning.\n' > b.txt
"$DRAGOMAN" --quiet translate -i a.txt -i b.txt -o out.txt --to German || exit
cat out.txt
ls out.txt*
