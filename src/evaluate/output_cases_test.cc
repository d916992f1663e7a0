// Outputs as users meet them, and the faults that each has: most have none, for an alarm that is
// false costs more trust than a fault that is missed.
#include <gtest/gtest.h>

#include "base/random.h"
#include "evaluate/checks.h"
#include "evaluate/language_guesser.h"
#include "evaluate/spelled_numbers.h"
#include "evaluate/suite.h"

namespace dragoman {
namespace {

struct OutputCase {
  const char* target;
  const char* source;
  const char* output;
  const char* reference;  // "" where there is none
  const char* faults;     // keys, in their order
};

std::string FaultsOf(const OutputCase& one) {
  Prediction prediction;
  prediction.source_lang = "en";
  prediction.target_lang = one.target;
  prediction.source = one.source;
  prediction.hypothesis = one.output;
  prediction.reference = one.reference;
  const OutputChecks checks = CheckOutput(prediction);
  std::string faults;
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (checks.found[i])
      faults += (faults.empty() ? "" : " ") + std::string(FaultKey(static_cast<Fault>(i)));
  }
  return faults;
}

void ExpectFaults(std::initializer_list<OutputCase> cases) {
  for (const OutputCase& one : cases)
    EXPECT_EQ(FaultsOf(one), one.faults)
        << one.target << ": " << one.source << " -> " << one.output;
}

// One sentence, "The water in the river is very cold today.", and thereabouts.
constexpr struct {
  const char* language;
  const char* text;
} kNative[] = {{"am", "የወንዙ ውሃ ዛሬ በጣም ቀዝቃዛ ነው።"},
               {"ar", "مياه النهر باردة جدا اليوم."},
               {"ar-EG", "مية النهر ساقعة قوي النهارده."},
               {"bg", "Водата в реката днес е много студена."},
               {"bn", "আজ নদীর জল খুব ঠান্ডা।"},
               {"el", "Το νερό στο ποτάμι είναι πολύ κρύο σήμερα."},
               {"fa", "امروز آب رودخانه خیلی سرد است."},
               {"gu", "આજે નદીનું પાણી ખૂબ ઠંડું છે."},
               {"he", "המים בנהר קרים מאוד היום."},
               {"hi", "आज नदी का पानी बहुत ठंडा है।"},
               {"hy", "Գետի ջուրն այսօր շատ սառն է։"},
               {"ja", "今日、川の水はとても冷たいです。"},
               {"ka", "დღეს მდინარეში წყალი ძალიან ცივია."},
               {"kk", "Бүгін өзеннің суы өте суық."},
               {"km", "ទឹកនៅក្នុងទន្លេត្រជាក់ណាស់នៅថ្ងៃនេះ។"},
               {"kn", "ಇಂದು ನದಿಯ ನೀರು ತುಂಬಾ ತಣ್ಣಗಿದೆ."},
               {"ko", "오늘 강물이 매우 차갑습니다."},
               {"lo", "ມື້ນີ້ນໍ້າໃນແມ່ນໍ້າເຢັນຫຼາຍ."},
               {"mk", "Водата во реката денес е многу студена."},
               {"ml", "ഇന്ന് നദിയിലെ വെള്ളം വളരെ തണുത്തതാണ്."},
               {"mn", "Өнөөдөр голын ус маш хүйтэн байна."},
               {"mr", "आज नदीचे पाणी खूप थंड आहे."},
               {"my", "ဒီနေ့ မြစ်ထဲက ရေက အရမ်းအေးတယ်။"},
               {"ne", "आज खोलाको पानी धेरै चिसो छ।"},
               {"pa", "ਅੱਜ ਦਰਿਆ ਦਾ ਪਾਣੀ ਬਹੁਤ ਠੰਡਾ ਹੈ।"},
               {"ru", "Вода в реке сегодня очень холодная."},
               {"si", "අද ගඟේ වතුර හරිම සීතලයි."},
               {"ta", "இன்று ஆற்றில் தண்ணீர் மிகவும் குளிராக இருக்கிறது."},
               {"te", "ఈ రోజు నదిలో నీరు చాలా చల్లగా ఉంది."},
               {"th", "วันนี้น้ำในแม่น้ำเย็นมาก"},
               {"uk", "Вода в річці сьогодні дуже холодна."},
               {"ur", "آج دریا کا پانی بہت ٹھنڈا ہے۔"},
               {"zh", "今天河里的水很冷。"},
               {"zh-TW", "今天河裡的水很冷。"}};

TEST(OutputScript, EveryLanguageKnowsItsOwn) {
  const std::string english = "The water in the river is very cold today.";
  const std::string georgian = "დღეს მდინარეში წყალი ძალიან ცივია.";
  for (const auto& [language, text] : kNative) {
    EXPECT_FALSE(InWrongScript(text, english, language)) << language;
    EXPECT_TRUE(InWrongScript("Woda w rzece jest dzisiaj bardzo zimna.", english, language))
        << language;
    const bool other = std::string_view(language) != "ka";
    EXPECT_EQ(InWrongScript(georgian, english, language), other) << language;
  }
  for (const char* latin :
       {"de", "pl", "vi", "tr", "id", "sw", "fil", "lt", "is", "hr", "zu", "pt-BR"})
    EXPECT_TRUE(InWrongScript("Вода в реке сегодня очень холодная.", english, latin)) << latin;
  for (const char* both :
       {"Вода у реци је данас веома хладна.", "Voda u reci je danas veoma hladna."})
    EXPECT_FALSE(InWrongScript(both, english, "sr")) << both;
  EXPECT_TRUE(InWrongScript("Вода у реци је данас веома хладна.", english, "sr-Latn"));
  EXPECT_TRUE(InWrongScript("Voda u reci je danas veoma hladna.", english, "sr-Cyrl"));
}

TEST(OutputScript, NamesInsideWordsOfAnotherScriptAreNames) {
  ExpectFaults({{"ja", "Open Visual Studio Code and start Docker Desktop.",
                 "Visual Studio CodeでDocker Desktopを開く。", "", ""},
                {"zh", "Send it with WhatsApp Messenger or Facebook.",
                 "用WhatsApp Messenger或Facebook发送。", "", ""},
                {"ko", "I met Christopher Johnson in Philadelphia.",
                 "Philadelphia에서 Christopher Johnson을 만났다.", "", ""},
                {"ru", "Install LibreOffice Writer, not Microsoft Word.",
                 "Установите «LibreOffice Writer», а не «Microsoft Word».", "", ""},
                {"ja", "Run git status and git commit.", "git statusとgit commitを実行。", "", ""},
                // Said again with a word left out: a translation was due.
                {"ja", "Please press the red button on the left side now.",
                 "Please press the button on the left side now.",
                 "今すぐ左側の赤いボタンを押してください。", "wrong_script"},
                {"ru", "Please press the red button on the left side now.",
                 "Please press the button on the left side.", "", "wrong_script"}});
}

TEST(OutputLanguage, WaysOfWritingAreNoOtherLanguage) {
  for (const char* text :
       {"今天早上我們在圖書館裡讀了兩個小時的書，然後一起去吃午飯。",
        "這條街上的商店晚上九點關門，週末則營業到十點。",
        "醫生說她需要多休息，並且每天喝足夠的水。", "請把窗戶關上，外面的風太大了，會把文件吹走。",
        "政府宣布將投資興建新的鐵路，連接東部和西部的城市。",
        "學校的圖書館開放時間是上午八點到下午五點。", "國際機場的擴建工程預計於明年完成。"}) {
    for (const char* code : {"zh-TW", "zh-Hant", "zh"})
      EXPECT_FALSE(InWrongLanguage(text, code)) << text;
  }
  EXPECT_FALSE(CanTellLanguage("Jintian heli de shui hen leng, women qu chifan ba.", "zh-Latn"));
  EXPECT_FALSE(CanTellLanguage("Aaj nadi ka pani bahut thanda hai, ghar chalo.", "hi-Latn"));
}

TEST(OutputNumbers, MayBeWrittenInManyWays) {
  ExpectFaults(
      {{"de", "It costs 1,234.50 euros.", "Es kostet 1.234,50 Euro.", "Es kostet 1.234,50 Euro.",
        ""},
       {"fr", "It costs 12,345.5 euros.", "Ça coûte 12 345,5 euros.",
        "Ça coûte 12\u202f345,5 euros.", ""},
       {"ru", "The town has 1,250,000 people.", "В городе 1 250 000 жителей.",
        "В городе 1 250 000 жителей.", ""},
       {"de", "In the years 2031 and 2034.", "In den Jahren 2031 und 2043.",
        "In den Jahren 2031 und 2034.", "lost_number"},
       {"de", "Rooms 12 and 345.", "Zimmer 12 345.", "Zimmer 12 und 345.", ""},
       {"ar", "Room 417 holds 96 people.", "تتسع الغرفة ٤١٧ لـ ٩٦ شخصا.",
        "تتسع الغرفة 417 لـ 96 شخصا.", ""},
       {"fa", "Room 417 holds 96 people.", "اتاق ۴۱۷ برای ۹۶ نفر جا دارد.", "", ""},
       {"bn", "Room 417 holds 96 people.", "৪১৭ নম্বর ঘরে ৯৬ জন ধরে।", "", ""},
       {"my", "Room 417 holds 96 people.", "အခန်း ၄၁၇ တွင် လူ ၉၆ ဦး ဆံ့သည်။", "", ""},
       {"th", "Room 417 holds 96 people.", "ห้อง ๔๑๗ จุคนได้ ๙๖ คน", "", ""},
       {"km", "Room 417 holds 96 people.", "បន្ទប់ ៤១៧ ផ្ទុកមនុស្ស ៩៦ នាក់។", "", ""},
       {"ja", "Room 417 holds 96 people.", "４１７号室には９６人入ります。", "", ""},
       {"de", "The bus leaves at 12:30.", "Der Bus fährt um 12.30 Uhr.",
        "Der Bus fährt um 12:30 Uhr.", ""},
       {"fr", "The bus leaves at 12:30.", "Le bus part à 12 h 30.", "Le bus part à 12h30.", ""},
       {"de", "The bus leaves at 3:45 p.m.", "Der Bus fährt um 15:45 Uhr.", "", ""},
       {"de", "It was signed on 12/31/2024.", "Es wurde am 31.12.2024 unterzeichnet.", "", ""},
       {"de", "It was signed on 03/25/2024.", "Es wurde am 25. März 2024 unterzeichnet.", "", ""},
       {"en", "Am 25.03.2024 unterzeichnet.", "Signed on March 25, 2024.", "", ""},
       {"en", "Am 25.03.2024 unterzeichnet.", "Signed on March 26, 2024.", "", "lost_number"},
       {"en", "Am 4.3.2024 unterzeichnet.", "Signed on March 4, 2024.", "", ""},
       {"de", "It was signed on 3/9/2024.", "Es wurde am 9. März 2024 unterzeichnet.", "", ""},
       {"en", "Am 45.3.2024 unterzeichnet.", "Signed on March 45, 2024.", "", "lost_number"},
       {"en", "2024-03-25に、3月14日に署名。", "Signed on 25 March 2024, on March 14.", "", ""},
       {"ja", "It was signed on 3/25/2024.", "2024年3月25日に署名された。",
        "2024年3月25日に署名されました。", ""},
       {"zh", "He has 3 cars and 25 books.", "他有三辆车和二十五本书。", "他有3辆车和25本书。", ""},
       {"zh", "He has 3 cars and 25 books.", "他有三辆车和二十六本书。", "他有3辆车和25本书。",
        "lost_number"},
       {"ru", "It was built in the 19th century.", "Он был построен в XIX веке.",
        "Он был построен в 19 веке.", ""},
       {"de", "He has 2 cars and 15 bikes.", "Er hat zwei Autos und 15 Räder.", "", ""},
       {"de", "He has 2 cars and 15 bikes.", "Er hat zwei Autos und 15 Räder.",
        "Er hat 2 Autos und 15 Räder.", ""},
       {"de", "He has 2 cars and 15 bikes.", "Er hat 5 Autos und 15 Räder.",
        "Er hat 2 Autos und 15 Räder.", "lost_number"},
       {"de", "Fry them for 10 minutes.", "Braten Sie sie.", "Braten Sie sie 10 Minuten.",
        "lost_number"},
       {"de", "He was 35 years old.", "Er war fünfunddreißig Jahre alt.", "Er war 35 Jahre alt.",
        ""},
       {"en", "Er war 35 Jahre alt.", "He was thirty five.", "He was 35.", ""},
       {"en", "Er war 35 Jahre alt.", "He was twenty-five.", "He was 35.", "lost_number"},
       {"en", "Er kam nach 10 Tagen.", "He often came.", "He came after 10 days.", "lost_number"},
       {"ru", "It took 7 years.", "На это ушло семь лет.", "На это ушло 7 лет.", ""},
       {"ar", "It lasts 3 days.", "يستمر ثلاثة أيام.", "يستمر 3 أيام.", ""},
       {"ar", "It has 3 rooms and 5 doors.", "وفيه ثلاث غرف وخمسة أبواب.", "فيه 3 غرف و5 أبواب.",
        ""},
       {"he", "It lasts 3 days.", "זה נמשך כשלושה ימים.", "זה נמשך 3 ימים.", ""},
       {"ko", "I have 3 dogs and 10 cats.", "나는 개 세 마리와 고양이 열 마리가 있다.",
        "나는 개 3마리와 고양이 10마리가 있다.", ""},
       {"hi", "It has 5 rooms.", "इसमें पाँच कमरे हैं।", "इसमें 5 कमरे हैं।", ""},
       {"bn", "It has 5 rooms.", "এতে পাঁচটি ঘর আছে।", "এতে ৫টি ঘর আছে।", ""},
       {"bn", "It has 5 rooms.", "এতে ৭টি ঘর আছে।", "এতে ৫টি ঘর আছে।", "lost_number"},
       {"tr", "It took 7 years.", "Yedi yıl sürdü.", "7 yıl sürdü.", ""},
       {"de", "He came 1st and she came 22nd.", "Er wurde 1. und sie 22.", "", ""},
       {"zh", "The city has 1.5 million people.", "这座城市有150万人口。", "", ""},
       {"hi", "The town has 250,000 people.", "शहर में २,५०,००० लोग हैं।", "", ""},
       {"de", "Call 555 1234 for help.", "Rufen Sie 5551234 an.", "", ""},
       {"de", "There are 45 dogs.", "Dort sind 1.234.567 Hunde.", "Dort sind 45 Hunde.",
        "lost_number"},
       {"de", "Call 512 345 67 or 512 345 67.", "Rufen Sie 51234567 an.",
        "Rufen Sie 512 345 67 oder 512 345 67 an.", "lost_number"},
       {"en", "Er kam nach 7 Jahren.", "He came after seventy years.", "He came after 7 years.",
        "lost_number"},
       {"en", "Er kam nach 8 Jahren.", "He came after eighteen years.", "", "lost_number"},
       {"en", "Er kam nach 7 Jahren.", "On the seventh year he came.", "He came after 7 years.",
        ""},
       {"de", "She has 3 cats.", "Sie hat dreißig Katzen.", "Sie hat 3 Katzen.", "lost_number"},
       {"de", "She has 3 cats.", "Sie hat dreihundert Katzen.", "Sie hat 3 Katzen.", "lost_number"},
       {"de", "A war of 7 years.", "Ein siebenjähriger Krieg.", "Ein Krieg von 7 Jahren.", ""},
       {"de", "They waited 33 days.", "Sie warteten dreiunddreißig Tage.", "Sie warteten 33 Tage.",
        ""},
       {"tr", "It took 7 years.", "Yetmiş yıl, yedinci yılda bitti.", "7 yıl sürdü.", ""},
       {"en", "Die Stadt hat 1.500.000 Einwohner.", "The city has 1.5 million people.", "", ""},
       {"zh", "The city has 1,500,000 people.", "这座城市有150万人口。", "", ""},
       {"en", "Die Stadt hat 1.500.000 Einwohner.", "The city has 1.6 million people.", "",
        "lost_number"},
       {"en", "Der Bus fährt um 15:45 Uhr.", "The bus leaves at 3:45 p.m.", "", ""},
       {"en", "Der Bus fährt um 15.45 Uhr.", "The bus leaves at 3.45 pm.", "", ""},
       {"en", "Der Bus fährt um 0:30 Uhr.", "The bus leaves at 12:30 a.m.", "", ""},
       {"en", "Der Bus fährt um 15:45 Uhr.", "The bus leaves at 4:45 p.m.", "", "lost_number"},
       {"de", "The lamp costs 25 euros.", "Die Lampe kostet 52 Euro.", "Die Lampe kostet 25 Euro.",
        "lost_number"},
       {"de", "The lamp costs 25 euros.", "Die Lampe kostet Geld.", "Die Lampe kostet 25 Euro.",
        "lost_number"},
       {"en", "Das kostet 1 234,5 Euro.", "That costs 1,234.5 euros.", "That costs 1,234.5 euros.",
        ""}});
}

TEST(OutputKept, AddressesPlaceholdersAndMarkup) {
  ExpectFaults(
      {{"de", "See (https://x.example/a_(b)).", "Siehe (https://x.example/a_(b)).", "", ""},
       {"ja", "See https://x.example/a.", "https://x.example/aをご覧ください。", "", ""},
       {"de", "See <https://x.example/a> or mail <a.b@c.example>.",
        "Siehe https://x.example/a oder schreiben Sie an a.b@c.example.", "", ""},
       {"de", "See https://x.example/a now.", "Siehe https://x.example/abc jetzt.", "", "lost_url"},
       {"de", "Copy %s to %s.", "Kopiere %s.", "", "lost_placeholder"},
       {"de", "Hello {name}, {{name}} is new.", "Hallo {{name}}, neu.", "", "lost_placeholder"},
       {"de", "Hello {name}, {{name}} is new.", "{{name}} ist neu, hallo {name}.", "", ""},
       {"de", "%1$s sent ${x} to %2$s.", "%2$s bekam ${x} von %1$s.", "", ""},
       {"de", "Press <x id=\"1\"/> and <b>Save</b> it.",
        "<b>Speichern</b> und <x id=\"1\"/> drücken.", "", ""},
       {"de", "Press <b>Save</b>.", "Drücken Sie <b>Speichern<b>.", "", "lost_markup"},
       {"de", "I love it \u2764\ufe0f!", "Ich liebe es \u2764!", "", ""},
       {"de", "We won \U0001f389\U0001f389!", "Gewonnen!", "", "lost_other"},
       {"ar", "Hello {name}!", "مرحبا \u2068{name}\u2069!", "", ""}});
}

TEST(OutputBalance, MarksThatAreNoQuotesAndNoBrackets) {
  ExpectFaults(
      {{"de", "He said \"no\" (twice).", "Er sagte „nein“ (zweimal).", "", ""},
       {"ja", "He said \"no\" (twice).", "彼は「いいえ」と言った（二回)。", "", ""},
       {"fr", "He said \"no\".", "Il a dit « non ».", "", ""},
       {"he", "The UN and the USA agreed.", "האו\"ם וארה\"ב הסכימו, וגם צה\"ל.", "", ""},
       {"de", "A five-inch screen.", "Ein 5\"-Bildschirm.", "", ""},
       {"de", "First, eat. Second, sleep.", "a) essen b) schlafen", "", ""},
       {"de", "(1) one (2) two", "1) eins\n2) zwei", "", ""},
       {"de", "Thank you :)", "Danke :)", "", ""},
       {"de", "Thank you very much \U0001f642", "Vielen Dank \U0001f642 :-)", "", ""},
       {"de", "Sadly no.", "Leider nein :(", "", ""},
       {"de", "It works (at last).", "Es geht (endlich :)", "", ""},
       {"de", "It works (at last).", "Es geht (endlich :) ).", "", ""},
       {"fr", "Note (see below).", "Remarque :(voir plus bas).", "", ""},
       {"fr", "Note (see below).", "Remarque :(voir plus bas.", "", "unbalanced"},
       {"de", "Note: see below (page three).", "Hinweis:(siehe unten, Seite drei", "",
        "unbalanced"},
       {"de", "Call f(x) for it (once).", "Dafür f(x) aufrufen (einmal.", "", "unbalanced"},
       {"de", "Say \"no\".", "Sag „nein.", "", "unbalanced"},
       {"zh", "Say \"no\" (please).", "说“不（请）。", "", "unbalanced"},
       {"it", "It's the dogs' bowl.", "È la ciotola dei cani, dell'altro.", "", ""},
       {"de", "Use `a[0` for this text.", "Nimm dafür `a[0`.", "", ""}});
}

TEST(OutputRepetition, AsTheSourceDoes) {
  ExpectFaults(
      {{"de", "It was very, very, very, very good.", "Es war sehr sehr sehr sehr sehr gut.", "",
        ""},
       {"zh", "Hahaha, that was good.", "哈哈哈哈哈哈哈哈哈哈哈哈，真好。", "", ""},
       {"de", "It costs a trillion.", "Es kostet 1.000.000.000.000.", "", ""},
       {"de", "Signature", "Unterschrift ....................", "", ""},
       {"zh", "We went to the river.", "我们我们我们我们我们我们去了。", "我们去了河边。",
        "repetition"},
       {"th", "We went to the river.", "เราเราเราเราเราไปแม่น้ำ", "", "repetition"},
       {"zh", "Thanks, thanks!", "谢谢谢谢！", "", ""},
       {"de", "The house is old.",
        "Das Haus ist alt, das Haus ist alt, das Haus ist alt, das Haus ist alt.", "",
        "repetition"},
       {"de", "The village lies in a valley.",
        "Das Dorf liegt in einem Tal, das von hohen Bergen und dunklen Wäldern umgeben ist. Das "
        "Dorf liegt in einem Tal, das von hohen Bergen und dunklen Wäldern umgeben ist. Das Dorf "
        "liegt in einem Tal, das von hohen Bergen und dunklen Wäldern umgeben ist. Das Dorf liegt "
        "in einem Tal, das von hohen Bergen und dunklen Wäldern umgeben ist. ",
        "", "repetition"},
       {"de", "It was 10,000 years ago, in 1000 BC.",
        "Das das das das das das war vor 10.000 Jahren, 1000 v. Chr.", "", "repetition"}});
}

TEST(OutputCopy, NamesAndSharedWordsMayStay) {
  ExpectFaults({{"de", "Windows Update", "Windows Update", "Windows-Update", ""},
                {"de", "Version", "Version", "Fassung", ""},
                {"de", "New York City Hall Park", "New York City Hall Park", "", ""},
                {"ja", "Settings", "Settings", "設定", "copy"},
                {"de", "The train leaves tomorrow morning.", "The train leaves tomorrow morning.",
                 "", "copy wrong_language"},
                {"it", "The train leaves tomorrow morning.", "the train leaves tomorrow morning",
                 "Il treno parte domani mattina.", "copy"},
                {"it", "DO NOT OPEN THE DOOR NOW.", "DO NOT OPEN THE DOOR NOW.", "", "copy"},
                {"it", "Поезд отправляется завтра рано утром.",
                 "Поезд отправляется завтра рано утром.", "", "copy"},
                {"it", "火车明天早上八点从北京出发。", "火车明天早上八点从北京出发。", "", "copy"},
                {"de", "OK!", "OK.", "OK.", ""}});
}

TEST(OutputEmpty, TextsThatSayNothing) {
  ExpectFaults({{"de", "Good day to you.", " \u200b\ufeff ", "", "empty"},
                {"de", "Good day to you.", "\u200e\u2060", "Guten Tag.", "empty"},
                {"de", "Good day to you.", "...", "Guten Tag.", "empty"},
                {"de", "...?!", "...?!", "", ""},
                {"de", "\u200b", "", "", ""},
                {"de", "OK", "\U0001f44c", "", ""}});
}

TEST(OutputCases, AnyBytesAreJudged) {
  const std::vector<std::string> pieces{"0",
                                        "00",
                                        ".",
                                        ",",
                                        " ",
                                        "12:30 pm",
                                        "31.12.2024",
                                        "3/25/",
                                        "万",
                                        "亿亿",
                                        "二〇",
                                        "XIV",
                                        "(",
                                        "）",
                                        "\"",
                                        ":)",
                                        "a)",
                                        "<b>",
                                        "</",
                                        "{x",
                                        "%s",
                                        "https://a.b",
                                        "@",
                                        "`",
                                        "ä",
                                        "哈哈",
                                        "\xff",
                                        "\xe5\x93",
                                        std::string(1, '\0'),
                                        "\u200b",
                                        "\ufe0f",
                                        "ة",
                                        "99999999999999999999",
                                        "\n",
                                        "سلام"};
  Random random(5);
  const auto draw = [&] {
    std::string text;
    const auto count = static_cast<size_t>(random.Uniform() * 30);
    for (size_t i = 0; i < count; ++i)
      text += pieces[static_cast<size_t>(random.Uniform() * static_cast<double>(pieces.size()))];
    return text;
  };
  for (int i = 0; i < 3000; ++i) {
    const std::string source = draw(), output = draw(), reference = i % 2 == 0 ? draw() : "";
    Prediction one;
    one.target_lang = i % 3 == 0 ? "de" : (i % 3 == 1 ? "zh" : "ar");
    one.source = source;
    one.hypothesis = i % 5 == 0 ? source : output;
    one.reference = reference;
    const OutputChecks checks = CheckOutput(one);
    EXPECT_LE(checks.kept, checks.items);
    for (const Fault kept : {Fault::kLostUrl, Fault::kLostPlaceholder, Fault::kLostMarkup}) {
      EXPECT_FALSE(i % 5 == 0 && checks.Has(kept)) << FaultKey(kept) << ": " << source;
    }
  }
}

// What translators wrote has no fault, whether it is judged with a reference or without.
TEST(OutputCases, TranslationsOfTheSuiteHaveNoFault) {
  int64_t judged = 0;
  for (const char* from : {"en", "de", "es", "fr", "ja", "ko", "zh", "ar", "ru", "hi"}) {
    SuiteOptions options;
    options.source_lang = from;
    options.include_edge_cases = false;
    const auto suite = BuiltInSuite(options);
    ASSERT_TRUE(suite) << ToString(suite.error());
    for (const SuiteSample& sample : suite->samples) {
      const char* target = sample.target_lang.c_str();
      const char* source = sample.source.c_str();
      const char* text = sample.reference.c_str();
      EXPECT_EQ(FaultsOf({target, source, text, text, ""}), "") << text;
      EXPECT_EQ(FaultsOf({target, source, text, "", ""}), "") << source << " -> " << text;
      ++judged;
    }
  }
  EXPECT_EQ(judged, 5400);
}

TEST(SpelledNumbers, KeepFewLanguagesHoweverManyCodesAreGiven) {
  for (int i = 0; i < 500; ++i) {
    const char letters[] = {static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26 % 26),
                            'x'};
    FindSpelled("sieben", "7", std::string(letters, 3));
    FindSpelled("sieben", "7", "de-" + std::string(letters, 2));
    EXPECT_LE(LanguagesWithSpellers(), 64u);
  }
  EXPECT_EQ(FindSpelled("sieben Tage", "7", "de"), Spelling::kThere);
  const size_t before = LanguagesWithSpellers();
  EXPECT_EQ(FindSpelled("sieben Tage", "7", "de-Latn"), Spelling::kThere);
  EXPECT_EQ(LanguagesWithSpellers(), before) << "the same language, written otherwise";
}

}  // namespace
}  // namespace dragoman
