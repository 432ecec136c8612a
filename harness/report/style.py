"""The stylesheet of the HTML report."""

from __future__ import annotations

from harness.report.palette import DARK, LIGHT, variables

_RULES = """
*,*::before,*::after{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--ink);
 font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;
 font-variant-numeric:tabular-nums;overflow-wrap:break-word}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-999px}
.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:9}
.wrap{max-width:1160px;margin:0 auto;padding:0 1.5rem}
header.top{padding:1.6rem 0 .4rem}
header.top p{margin:0;color:var(--soft);font-size:.87rem}
h1{font-size:1.15rem;line-height:1.3;margin:0;font-weight:650;letter-spacing:-.005em}
h2{font-size:1.3rem;line-height:1.3;margin:2.6rem 0 .8rem;font-weight:650;letter-spacing:-.012em}
h3{font-size:1.08rem;line-height:1.35;margin:0;font-weight:650;letter-spacing:-.005em}
h4,h3.label{font-size:.78rem;line-height:1.4;margin:1.5rem 0 .45rem;font-weight:650;color:var(--soft);
 letter-spacing:.045em;text-transform:uppercase}
p{margin:.35rem 0}
.soft{color:var(--soft)}
.small{font-size:.87rem}
code,pre,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;
 font-size:.86em}
pre{background:var(--sunken);border-radius:6px;padding:.7rem .85rem;margin:.4rem 0;overflow-x:auto;
 white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.5}
code.command{display:block;background:var(--sunken);border-radius:6px;padding:.5rem .75rem;overflow-wrap:anywhere;
 user-select:all}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.25rem 1.4rem;margin:0 0 1.1rem}
.chip{display:inline-block;white-space:nowrap;font-weight:650;font-size:.78rem;line-height:1.35;letter-spacing:.03em;
 padding:.1rem .5rem;border-radius:5px;border:1.5px solid}
.chip.pass{color:var(--pass);border-color:transparent;background:var(--pass-wash)}
.chip.fail{color:var(--on-fail);background:var(--fail);border-color:var(--fail)}
.chip.unknown{color:var(--unknown);background:var(--unknown-wash);border-style:dashed;border-color:var(--unknown)}
.chip.untold{color:var(--soft);border-color:transparent;background:var(--sunken);font-weight:500}
.verdict{position:relative;overflow:hidden;margin-top:1rem;padding:1.4rem 1.6rem 1.4rem 1.9rem}
.verdict::before{content:"";position:absolute;inset:0 auto 0 0;width:7px}
.verdict.pass::before{background:var(--pass)}
.verdict.fail::before{background:var(--fail)}
.verdict.unknown::before{background:repeating-linear-gradient(-45deg,var(--unknown) 0 5px,var(--card) 5px 9px)}
.verdict h2{margin:0 0 .5rem;font-size:1.75rem;line-height:1.2;display:flex;flex-wrap:wrap;gap:.2em .5em;
 align-items:baseline}
.verdict.pass h2 .word{color:var(--pass)}.verdict.fail h2 .word{color:var(--fail)}
.verdict.unknown h2 .word{color:var(--unknown)}
.verdict h2 .tally{font-size:1rem;font-weight:500;color:var(--soft);letter-spacing:0}
.verdict .why{font-size:1.08rem;max-width:68ch;margin:0 0 .2rem}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.3rem 1.1rem;margin:.9rem 0 0}
.facts dt{color:var(--soft);font-size:.87rem;padding-top:.1rem}
.facts dd{margin:0}
nav.contents ul{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;margin:0;padding:.2rem 0 0;font-size:.9rem}
.columns{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,4fr);gap:1.1rem;align-items:start}
.columns h2{margin-top:1.6rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;color:var(--soft);font-size:.85rem;padding:0 0 .4rem}
th{font-weight:600;text-align:left;color:var(--soft);font-size:.8rem;vertical-align:bottom}
tbody th{color:var(--ink);font-size:.9rem;vertical-align:top}
th,td{padding:.46rem .7rem .46rem 0;border-bottom:1px solid var(--line);vertical-align:top}
thead th{border-bottom:1px solid var(--strong-line)}
tbody tr:last-child>*{border-bottom:0}
th:last-child,td:last-child{padding-right:0}
.num{text-align:right;white-space:nowrap}
td.bad{color:var(--fail);font-weight:650}
tr.first>*{border-top:1.5px solid var(--strong-line)}
tbody tr.first:first-child>*{border-top:0}
.scroll{overflow-x:auto}
h3.group{margin:1rem 0 .3rem}h3.group:first-child{margin-top:0}
.card>details:first-child{margin-top:0}.card>details:last-child{margin-bottom:0}
#summary .scroll{max-width:40rem}
article.experiment>header{display:flex;flex-wrap:wrap;gap:.3rem .75rem;align-items:center}
article.experiment>header .role{color:var(--soft);font-size:.87rem}
.hypothesis{max-width:74ch;margin:.5rem 0 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,310px),1fr));gap:1rem 1.4rem;margin:.2rem 0}
figure{margin:0}
figcaption{font-size:.84rem}
figcaption strong{font-weight:600}
.unit{color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:.1rem .75rem;list-style:none;margin:0;padding:0;color:var(--soft)}
.legend li{display:flex;gap:.3rem;align-items:center}
.swatch{width:22px;height:10px;flex:none}
svg.defs{position:absolute}
svg.chart{display:block;width:100%;height:auto}
svg.graph{display:block;max-width:100%;height:auto;margin:0 auto}
svg text{font-size:10.5px;fill:var(--soft)}
.fault{fill:var(--fault)}
.lane{fill:var(--fault-ink)}
.phase{fill:var(--sunken)}
.phase-edge{stroke:var(--strong-line);stroke-width:.75;stroke-dasharray:2 2;fill:none}
svg .at-fault{fill:var(--fault-ink);font-weight:600}
.grid{stroke:var(--line);stroke-width:1;fill:none;opacity:.75}
.axis{stroke:var(--strong-line);stroke-width:1;fill:none}
.line{fill:none;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}
.line.p50{stroke:var(--p50)}
.line.p99{stroke:var(--p99);stroke-dasharray:5 2.5;stroke-width:1.5}
.line.all{stroke:var(--all);stroke-width:1.4;stroke-dasharray:2 3}
.line.good{stroke:var(--good)}
.box.failed{fill:var(--failed)}
.box.lost{fill:url(#tile-lost);stroke:var(--lost);stroke-width:.75}
.box.degraded{fill:url(#tile-degraded);stroke:var(--degraded);stroke-width:.75}
.hatch-degraded{stroke:var(--degraded);stroke-width:2.6;fill:none}
.hatch-lost{stroke:var(--lost);stroke-width:1.5;fill:none}
.limit{stroke:var(--strong-line);stroke-dasharray:1 3;stroke-width:1.25;fill:none}
.well{stroke:var(--well);stroke-width:1.5;fill:none}
svg .none{font-size:11.5px}
svg .at-well{fill:var(--well);font-weight:600}
.node{fill:var(--card);stroke:var(--strong-line)}
svg .node-name{fill:var(--ink);font-size:12px;font-weight:550}
.edge{fill:none;stroke-width:1.75}
.edge.soft{stroke-dasharray:5 4}
.edge.untold{stroke:var(--strong-line);stroke-width:1;opacity:.75}
.edge.pass{stroke:var(--pass)}
.edge.unknown{stroke:var(--unknown)}
.edge.fail{stroke:var(--fail);stroke-width:2.5}
.edge:hover{stroke-width:4;opacity:1}
.badge{fill:var(--card);stroke-width:1.5}
.badge.pass{stroke:var(--pass)}.badge.unknown{stroke:var(--unknown);stroke-dasharray:2 1.5}
.badge.fail{fill:var(--fail);stroke:var(--fail)}
svg .badge-mark{font-size:9.5px;font-weight:700}
svg .badge-mark.pass{fill:var(--pass)}svg .badge-mark.unknown{fill:var(--unknown)}
svg .badge-mark.fail{fill:var(--on-fail)}
svg.heat{display:block;width:100%;min-width:720px;height:auto}
.heat .h0,.heat .h1,.heat .h2,.heat .h3,.heat .h4{stroke:var(--p50);fill:none}
.heat .h0{stroke-opacity:.3}.heat .h1{stroke-opacity:.47}.heat .h2{stroke-opacity:.64}.heat .h3{stroke-opacity:.82}
a.chip{text-decoration:underline}
.columned ul{columns:16rem;margin:.3rem 0;padding-left:1.1rem}
.diff .expected{color:var(--pass)}.diff .found{color:var(--fail)}
.steep thead th:nth-child(n+3){writing-mode:vertical-rl;transform:rotate(180deg);padding:.3rem 0;vertical-align:top}
.steep td:nth-child(n+3){text-align:center;padding-right:.3rem}.steep td:nth-child(2){min-width:5.2rem}
.marks{white-space:nowrap;letter-spacing:.12em}
.dot{fill:var(--p50)}
svg.trace{display:block;width:100%;min-width:820px;height:auto}
svg .span-name{fill:var(--ink);font-size:11.5px}
.span.client{fill:var(--all)}.span.server{fill:var(--p50)}.span.internal{fill:var(--good)}.span.failed{fill:var(--failed)}
details{border:1px solid var(--line);border-radius:8px;margin:.5rem 0;background:var(--card)}
details>summary{padding:.55rem .85rem;cursor:pointer;border-radius:8px;line-height:1.45}
details>summary:hover{background:var(--sunken)}
details>.inside{padding:.1rem .95rem .8rem}
details.fail{border-color:var(--fail)}
details.unknown{border:1px dashed var(--unknown)}
summary .chip{margin-right:.45rem}
summary .what{font-weight:600}
details .facts{margin-top:.2rem}
th .soft{font-weight:400}
#run .num{padding-right:2rem}
.injections{list-style:none;margin:0;padding:0}
.injections li{padding:.35rem 0;border-bottom:1px solid var(--line)}
.injections li:last-child{border:0}
footer{color:var(--soft);font-size:.85rem;margin:2.5rem 0 3rem}
@media screen and (max-width:1000px){
 svg.graph{max-width:none}
}
@media screen and (max-width:800px){
 .columns{grid-template-columns:minmax(0,1fr);gap:0}
}
@media screen and (max-width:640px){
 .wrap{padding:0 .9rem}
 .card{padding:1rem}
 .verdict{padding:1.05rem 1.05rem 1.05rem 1.3rem}
 .verdict h2{font-size:1.45rem}
 .facts{grid-template-columns:minmax(0,1fr);gap:0}
 .facts dd{margin:0 0 .55rem}
 table.stack,table.stack tbody,table.stack tr,table.stack td,table.stack th{display:block}
 table.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
 table.stack tr{border-bottom:1px solid var(--line);padding:.55rem 0}
 table.stack tr:last-child{border:0}
 table.stack td,table.stack tbody th{border:0;padding:.1rem 0;text-align:left;white-space:normal}
 table.stack td[data-label]{display:grid;grid-template-columns:8.2rem minmax(0,1fr);gap:.6rem}
 table.stack td[data-label]::before{content:attr(data-label);color:var(--soft);font-size:.84rem}
 table.stack td.empty{display:none}
 tr.first>*{border-top:0}
 table.tight{font-size:.8rem}
 table.tight th,table.tight td{padding-right:.45rem}
}
@media print{
 @page{margin:13mm}
 html{font-size:9pt;color-scheme:light}
 body{font-size:9pt;background:var(--card)}
 a,a.chip{text-decoration:none}
 .wrap{max-width:none;padding:0}
 .skip,nav.contents{display:none}
 .card{border:0;border-top:1px solid var(--strong-line);border-radius:0;padding:.8rem 0;margin:0 0 .6rem}
 .verdict{border-top:0;padding:.6rem 1rem .6rem 1.4rem}
 h2,h3,h4,figcaption,caption,.caption,summary,thead,ul.legend,.card>p.soft,article.experiment>header,.hypothesis{break-after:avoid}
 tr,figure,li,svg,.facts,.verdict,code.command{break-inside:avoid}
 p{orphans:3;widows:3}
 summary{list-style:none}
 thead{display:table-header-group}
 tbody tr:first-child:not(:last-child),h4+p{break-after:avoid}
 tbody tr:last-child:not(:first-child){break-before:avoid}
 .scroll{overflow:visible}
 .charts{grid-template-columns:repeat(3,minmax(0,1fr));gap:.5rem}
 svg.graph{max-height:23cm}
 svg.heat,svg.trace{min-width:0}
 table.tight{font-size:7.5pt}table.tight th,table.tight td{font-size:7.5pt;padding-right:.35rem}
 table.tight .chip{font-size:6.5pt;padding:0 .2rem;letter-spacing:0}
 .steep table th,.steep table td{font-size:6.5pt;padding-right:.1rem}.steep td:nth-child(2){min-width:0}
 .columns{display:block}
 #details{break-before:page}
 article.experiment+article.experiment{break-before:page}
 details.fail,details.unknown{break-inside:avoid}
 th,td{padding-top:.22rem;padding-bottom:.22rem}
 h2{margin-top:1.4rem}h4{margin-top:.9rem}
 details::details-content{content-visibility:visible;display:block;block-size:auto}
 #summary details::details-content{display:none}
 #summary summary{break-after:auto}
 .verdict::before,.chip,.fault,.lane,.badge,.box,pre,code.command{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""


def stylesheet() -> str:
    """All rules; the dark scheme holds on screens only, paper is always light."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}"
    return f":root{{{variables(LIGHT)}}}\n{dark}{_RULES}"
