// How the page looks. One scale of sizes, two faces, four tones; colours follow the reader's own theme.

export const STYLE: string = String.raw`
:root{color-scheme:light dark;
--paper:light-dark(#fbfaf8,#131416);--raised:light-dark(#ffffff,#1a1c1f);--sunken:light-dark(#f3f1ed,#0e0f11);
--ink:light-dark(#1c1b19,#e9e7e2);--soft:light-dark(#5d5a54,#a3a099);--line:light-dark(#e3dfd8,#2b2d31);
--red:light-dark(#b3261e,#ff8a80);--red-wash:light-dark(#fbeceb,#2a1816);
--amber:light-dark(#8a5300,#f2b457);--amber-wash:light-dark(#fbf1e0,#271d0d);
--green:light-dark(#1d6b3c,#7fd6a0);--blue:light-dark(#1d5fa8,#8ab8f5);
--mono:ui-monospace,"SF Mono","Cascadia Mono","JetBrains Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;
--sans:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Inter,"Helvetica Neue","Liberation Sans","DejaVu Sans",sans-serif}
:root[data-theme=light]{color-scheme:light}
:root[data-theme=dark]{color-scheme:dark}
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:400 15px/1.55 var(--sans);font-variant-numeric:tabular-nums}
.top,main,footer{max-width:68rem;margin:0 auto;padding:0 clamp(1rem,4vw,2.5rem)}
h1,h2,h3,p,dl,dd,ol,ul,table,fieldset,pre{margin:0;padding:0}
code,pre,kbd{font:400 .867em/1.5 var(--mono)}
code{unicode-bidi:isolate-override;direction:ltr;overflow-wrap:anywhere}
button,input{font:inherit;color:inherit}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px;border-radius:4px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
[hidden]{display:none!important}
.skip{position:absolute;left:-999rem;top:.5rem;padding:.5rem .75rem;background:var(--raised);color:var(--ink);z-index:9}
.skip:focus{left:.5rem}
button{background:transparent;border:1px solid var(--line);border-radius:6px;padding:.25rem .65rem;font-size:.867rem;cursor:pointer}
button:hover{border-color:var(--soft)}
.note,.soft{color:var(--soft);font-size:.867rem}

.top{padding-top:1.25rem;--tone:var(--green)}
.top.denied,.top.failed{--tone:var(--red)}.top.audited{--tone:var(--amber)}
.bar{display:flex;justify-content:space-between;align-items:center;min-height:2.1rem}
.product{font-weight:600;letter-spacing:-.005em}.product span{font-weight:400;color:var(--soft);margin-left:.4rem}
.verdict{margin-top:2.5rem;color:var(--tone);font-weight:600;display:flex;align-items:center;gap:.55rem}
.dot{width:.65rem;height:.65rem;border-radius:50%;background:var(--tone)}
.clean .dot{border-radius:50%}.denied .dot,.failed .dot{border-radius:2px}.audited .dot{border-radius:2px;transform:rotate(45deg)}
h1{font-size:clamp(1.75rem,1.2rem + 2.4vw,2.6rem);line-height:1.12;letter-spacing:-.022em;font-weight:650;margin-top:.35rem;text-wrap:balance}
.lead{color:var(--soft);font-size:1.067rem;margin-top:.6rem;max-width:46rem}
.fault{margin-top:1rem;padding:.7rem .9rem;border-left:3px solid var(--red);background:var(--red-wash);border-radius:0 6px 6px 0}
.counts{display:flex;flex-wrap:wrap;gap:.4rem 2.4rem;margin-top:2rem;padding:1.1rem 0;border:solid var(--line);border-width:1px 0}
.counts div{display:flex;flex-direction:column-reverse}
.counts dt{color:var(--soft);font-size:.8rem}
.counts dd{font-size:1.5rem;line-height:1.2;font-weight:600;letter-spacing:-.015em}
.counts div:first-child dd{color:var(--tone)}.clean .counts div:first-child dd,.audited .counts div:first-child dd{color:inherit}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(14rem,42%),1fr));gap:.55rem 2rem;margin-top:1.1rem;font-size:.867rem}
.facts dt{color:var(--soft)}.facts dd{overflow-wrap:anywhere;unicode-bidi:isolate-override;direction:ltr}

main section{margin-top:3.25rem}
h2{font-size:1.2rem;line-height:1.3;font-weight:650;letter-spacing:-.012em}
.size{color:var(--soft);font-weight:400;font-size:.867rem;margin-left:.25rem}
.cards{list-style:none;margin-top:1rem;display:grid;gap:.75rem}
.card{background:var(--raised);border:1px solid var(--line);border-radius:10px;padding:1rem 1.15rem;--tone:var(--red);position:relative;min-width:0}
.audited .card{--tone:var(--amber)}
.card::before{content:"";position:absolute;left:-1px;top:.9rem;bottom:.9rem;width:3px;border-radius:3px;background:var(--tone)}
.card-head{display:flex;justify-content:space-between;gap:1rem;align-items:baseline}
h3{font-size:1rem;font-weight:600;min-width:0}h3 code{font-weight:600;font-size:.933em}
.times{font-weight:650;font-size:1.15rem;color:var(--tone);white-space:nowrap}.times::after{content:" ×";font-weight:400;font-size:.867rem}
.where{color:var(--soft);font-size:.867rem}.surface+code::before{content:"· "}
.reason{margin-top:.35rem;overflow-wrap:anywhere;unicode-bidi:isolate}
.samples{list-style:none;margin-top:.6rem;background:var(--sunken);border-radius:6px;padding:.45rem .75rem}
.samples li{padding:.12rem 0}.by{color:var(--soft);font-size:.867rem;white-space:nowrap}
.card details>.samples{margin-top:.4rem}
summary{cursor:pointer;width:fit-content;color:var(--soft);font-size:.933rem;padding:.15rem 0}
summary:hover{color:var(--ink)}
.remedy{margin-top:.65rem;font-size:.933rem}
details.remedy>summary{color:var(--blue)}
.copy{position:relative;margin:.4rem 0}
pre{background:var(--sunken);border:1px solid var(--line);border-radius:6px;padding:.7rem .85rem;overflow:auto;max-height:22rem}
.copier{position:absolute;top:.45rem;right:.45rem;background:var(--raised)}
.find{margin-top:.75rem}

.inventory{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));column-gap:2.5rem}
.inventory section{min-width:0}.inventory .wide{grid-column:1/-1}
.scroll{overflow-x:auto;margin-top:.6rem}
table{border-collapse:collapse;width:100%;font-size:.867rem}
th,td{text-align:left;padding:.42rem .9rem .42rem 0;vertical-align:top;border-bottom:1px solid var(--line);font-weight:400}
thead th{color:var(--soft);font-size:.8rem;white-space:nowrap}
.number{text-align:right;white-space:nowrap}
tbody th{min-width:9rem}

#timeline:focus{outline:none}
.strip{height:3.25rem;margin-top:1rem}.strip svg{display:block;width:100%;height:100%}
.strip .a{fill:var(--line)}.strip .d{fill:var(--red)}.strip .u{fill:var(--amber)}
.filters{display:flex;flex-wrap:wrap;gap:.75rem 1.5rem;align-items:end;margin-top:1rem;padding:.75rem 0;position:sticky;top:0;background:var(--paper);z-index:2}
.search{position:relative;flex:1 1 16rem}
.search label,legend{display:block;color:var(--soft);font-size:.8rem;padding:0;margin-bottom:.25rem}
#query{width:100%;padding:.4rem 2rem .4rem .7rem;border:1px solid var(--line);border-radius:6px;background:var(--raised)}
#query::placeholder{color:var(--soft);opacity:1}
.search kbd{position:absolute;right:.6rem;bottom:.5rem;color:var(--soft);pointer-events:none}
#query:focus~kbd,#query:not(:placeholder-shown)~kbd{display:none}
fieldset{border:0;min-width:0;display:flex;flex-wrap:wrap;gap:.3rem}
legend{float:left;width:100%}
.toggle{cursor:pointer}.toggle input{position:absolute;opacity:0;width:1px;height:1px}
.toggle span{display:block;padding:.32rem .7rem;border:1px solid var(--line);border-radius:99px;font-size:.867rem;line-height:1.4;color:var(--soft)}
.toggle input:checked+span{background:var(--raised);color:var(--ink);border-color:var(--soft)}
.toggle input:not(:checked)+span{text-decoration:line-through;text-decoration-thickness:1px}
.toggle input:focus-visible+span{outline:2px solid var(--blue);outline-offset:2px}
.status{color:var(--soft);font-size:.867rem;min-height:2rem;display:flex;gap:.75rem;align-items:center}
#records{table-layout:fixed}
#records th:nth-child(1){width:8rem}#records th:nth-child(2){width:8.5rem}#records th:nth-child(3){width:7rem}
#records td{padding-top:.3rem;padding-bottom:.3rem}
#records tr.record{content-visibility:auto;contain-intrinsic-size:auto 2.1rem}
#records .time{color:var(--soft);white-space:nowrap;font-family:var(--mono);font-size:.8rem;line-height:1.75}
.badge{font-weight:600}.badge::before{content:"";display:inline-block;width:.5rem;height:.5rem;border-radius:50%;background:currentColor;margin-right:.45rem}
.deny .badge{color:var(--red)}.audit .badge{color:var(--amber)}.allow .badge{color:var(--green);font-weight:400}.event .badge{color:var(--soft);font-weight:400}
.deny .badge::before{border-radius:1px}.audit .badge::before{border-radius:1px;transform:rotate(45deg)}.event .badge::before{background:none;border:1px solid}
.open{all:unset;cursor:pointer;display:block;width:100%;overflow-wrap:anywhere}
.open:focus-visible{outline:2px solid var(--blue);outline-offset:2px;border-radius:4px}
.open:hover code{text-decoration:underline;text-decoration-color:var(--soft);text-underline-offset:3px}
.detail td{background:var(--sunken);padding:.75rem 1rem!important}
.detail dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.3rem 1.2rem}
.detail dt{color:var(--soft)}.detail dd{overflow-wrap:anywhere}.detail pre{white-space:pre-wrap}
.empty{padding:2rem 0;color:var(--soft);text-align:center}
#more{display:block;margin:1rem auto 0}
footer{margin-top:4rem;padding-top:1.25rem;padding-bottom:2.5rem;color:var(--soft);font-size:.867rem}
footer p{border-top:1px solid var(--line);padding-top:1.25rem}

@media (max-width:44rem){
.verdict{margin-top:1.5rem}.counts{gap:.9rem 1.75rem}.counts dd{font-size:1.3rem}
main section{margin-top:2.5rem}.filters{position:static}
#records,#records tbody{display:block}#records thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
#records tr{display:grid;grid-template-columns:auto auto 1fr;gap:0 .9rem;border-bottom:1px solid var(--line);padding:.5rem 0}
#records tr.record{contain-intrinsic-size:auto 4.2rem}
#records .record td{display:block;border:0;padding:0!important;font-size:.867rem}
#records .record td:nth-child(1){order:3;text-align:right}#records .record td:nth-child(4){order:4;grid-column:1/-1}
#records tr.detail,#records .detail td{display:block}#records tr.detail{padding:0}.detail td{padding:.75rem!important}
.detail dl{grid-template-columns:1fr}.detail dd+dt{margin-top:.35rem}
.card{padding:.85rem .95rem}
}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}button,.toggle span{transition:border-color .12s,color .12s,background-color .12s}}
@media (prefers-contrast:more){:root{--soft:var(--ink);--line:var(--soft)}}
@media (forced-colors:active){.toggle input:checked+span{border-color:Highlight}.dot,.badge::before,.card::before{forced-color-adjust:none}}
@media print{.filters,.find,.copier,#more,#theme,.skip{display:none}.card{break-inside:avoid}}
`;
