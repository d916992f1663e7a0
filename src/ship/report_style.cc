// The report's style sheet.
#include "ship/html.h"

namespace dragoman {

std::string_view ReportStyle() {
  return R"css(
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#17202b;--soft:#5b6775;--line:#dfe4ea;--rail:#edf0f4;
--base:#7d8ea3;--build:#2463c7;--chrf:#b0620b;--good:#1a7f4b;--warn:#b7791f;--bad:#b3362b;--beyond:#fbeaea;--quiet:#c3ccd6;--mark:#ffe39b}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6ebf2;--soft:#9aa7b6;--line:#2d3642;
--rail:#252d38;--base:#8798ad;--build:#6aa3ff;--chrf:#eda145;--good:#4cc38a;--warn:#e0a94a;--bad:#ef7a6d;--beyond:#33211f;
--quiet:#465262;--mark:#6b5215}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",
sans-serif}
main{max-width:1080px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.35rem;margin:0 0 2px}
h2{font-size:1.1rem;margin:0 0 12px}
h3{font-size:.95rem;margin:18px 0 8px}
p{margin:0 0 10px}
a{color:var(--build)}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.soft,.legend{color:var(--soft);font-size:.88rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px;margin:16px 0}
.verdict{border-left:8px solid var(--tone)}
.verdict .word{font-size:2.3rem;font-weight:750;letter-spacing:.01em;color:var(--tone);line-height:1.1;margin:8px 0 6px}
.verdict ul{margin:8px 0 0;padding-left:20px}
.go{--tone:var(--good)}.reconsider{--tone:var(--warn)}.fallback{--tone:var(--bad)}.none{--tone:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(158px,1fr));gap:12px;margin:16px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.tile b{display:block;font-size:1.32rem;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{display:block;color:var(--soft);font-size:.84rem}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:0 16px}
.two>.card{min-width:0}
svg.track{width:100%;display:block;overflow:visible}
.frow,.brow{display:grid;align-items:center;gap:10px}
.frow{grid-template-columns:74px 1fr 108px}
.frow.strong{border-top:1px solid var(--line);font-weight:650}
.fname,.bname{font-size:.9rem}
.fval{font-size:.86rem;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.fval b{font-weight:600;display:inline-block;min-width:44px}.fval .bleu{color:var(--build)}.fval .chrf{color:var(--chrf)}
.fval.unit{color:var(--soft)}
.axis text{fill:var(--soft);font-size:11.5px;text-anchor:middle;font-variant-numeric:tabular-nums}
.beyond{fill:var(--beyond)}
.zero{stroke:var(--soft);stroke-width:1}.limit{stroke:var(--bad);stroke-width:1.4;stroke-dasharray:3 3}
.ci{stroke-width:2.4;stroke-linecap:round}
.ci.bleu{stroke:var(--build)}.dot.bleu{fill:var(--build)}.ci.chrf{stroke:var(--chrf)}.dot.chrf{fill:var(--chrf)}
.brow{grid-template-columns:132px 1fr 112px;margin:5px 0}
.bval{font-size:.88rem;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.rail{fill:var(--rail)}
.bar.base{fill:var(--base)}.bar.build{fill:var(--build)}.bar.quiet{fill:var(--quiet)}
.bar.good{fill:var(--good)}.bar.warn{fill:var(--warn)}.bar.bad{fill:var(--bad)}
svg.shares{width:100%;display:block;border-radius:5px;margin-bottom:6px}
.key{display:inline-block;width:11px;height:11px;border-radius:3px;margin:0 5px 0 10px;vertical-align:-1px}
.legend .key:first-child{margin-left:0}
.key.bleu,.key.build{background:var(--build)}.key.chrf{background:var(--chrf)}.key.base{background:var(--base)}
.key.good{background:var(--good)}.key.bad{background:var(--bad)}.key.quiet{background:var(--quiet)}
.key.limit{background:none;border-top:2px dashed var(--bad);height:0;vertical-align:4px}
.scroll{overflow-x:auto;margin:0 -18px;padding:0 18px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:7px 10px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;font-size:.82rem;white-space:nowrap}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.two td.num{white-space:normal}.two td:last-child{white-space:nowrap}tr:last-child td{border-bottom:0}
.num+td:not(.num),.num+th:not(.num){padding-left:14px}
td:first-child{white-space:nowrap}.stack td:first-child{white-space:normal;min-width:92px}
.chip{display:inline-block;border-radius:99px;padding:1px 9px;font-size:.78rem;font-weight:650;border:1px solid var(--tone);
color:var(--tone);white-space:nowrap}
.chip.done,.chip.ok{--tone:var(--good)}.chip.failed,.chip.fail{--tone:var(--bad)}.chip.na{--tone:var(--soft)}
.chip.warn{--tone:var(--warn)}
.sent{border-top:1px solid var(--line);padding:12px 0}
.sent:first-of-type{border-top:0;padding-top:0}
.figure .chart{display:none}.live .chart{display:block;width:100%}.live .static{display:none}
.sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:6px 18px;margin-top:6px}
.sides p{margin:1px 0 0;font-size:.93rem;overflow-wrap:anywhere}.sides>div{min-width:0}
mark{color:inherit;background:var(--mark);border-radius:3px;padding:0 1px}td small{color:var(--soft);white-space:nowrap}
.sent dl{display:grid;grid-template-columns:86px 1fr;gap:3px 12px;margin:6px 0 0;font-size:.93rem}
.sent dt{color:var(--soft);font-size:.84rem;padding-top:1px}.sent dd{margin:0;overflow-wrap:anywhere}
details{border-top:1px solid var(--line);padding:8px 0}
details.more{border:0;padding:4px 0 0}.more summary{color:var(--soft);font-size:.88rem}
summary{cursor:pointer;font-size:.94rem}
summary .count{color:var(--soft);font-size:.84rem}
.box{display:grid;grid-template-columns:66px 1fr;gap:10px;padding:6px 0;font-size:.9rem}
.box.child{margin-left:22px}
.box>div{min-width:0;overflow-wrap:anywhere}
.box small{display:block;color:var(--soft);font-size:.84rem}
td{overflow-wrap:anywhere}
@media(max-width:560px){main{padding:12px 10px 32px}.card{padding:14px}.scroll{margin:0 -14px;padding:0 14px}
.frow{grid-template-columns:50px 1fr 84px;gap:6px}.fval b{min-width:36px}.fval{font-size:.8rem}
.brow{grid-template-columns:84px 1fr 92px;gap:8px}.bname{font-size:.82rem}.verdict .word{font-size:1.9rem}
.sent dl{grid-template-columns:1fr;gap:0}.sent dd{margin-bottom:5px}.box{grid-template-columns:58px 1fr}
.stack thead{display:none}.stack tr{display:block;border-bottom:1px solid var(--line);padding:8px 0}
.stack td{display:block;border:0;padding:1px 0;text-align:left;white-space:normal}
.stack td:empty{display:none}.stack td:first-child{font-weight:600}
.stack td[data-label]::before{content:attr(data-label) " ";color:var(--soft);font-size:.8rem;margin-right:4px}
.stack tr:last-child{border-bottom:0}.num+td:not(.num){padding-left:0}
.two{grid-template-columns:1fr}.tiles{grid-template-columns:repeat(2,1fr)}}
@media print{:root{--bg:#fff;--card:#fff}.live .static{display:block}.live .chart{display:none!important}body{font-size:11px}main{max-width:none;padding:0}
.tile,.sent,.frow,.brow,.two>.card,.figure,tr{break-inside:avoid}h2,h3{break-after:avoid}.card{border-radius:0;padding:10px;margin:8px 0}.scroll{overflow:visible}
.two{grid-template-columns:1fr}.soft,td,th,.legend,.fname,.fval,.bname,.bval{font-size:11px}td,th{padding:3px 6px}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)css";
}

}  // namespace dragoman
