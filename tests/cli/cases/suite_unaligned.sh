printf 'One.\nTwo.\n' >news.en
printf 'Eins.\n' >news.de
"$DRAGOMAN" suite -i news.en news.de -o suite.json
