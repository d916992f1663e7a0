"$DRAGOMAN" --quiet translate -i absent.txt -o out.txt --to de
code=$?
ls
exit $code
