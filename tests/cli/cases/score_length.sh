printf 'a\nb\n' > hyp
printf 'a\n' > ref
"$DRAGOMAN" score --hyp hyp --ref ref
