/** The style of the page, whole: nothing is loaded from elsewhere. Text has a contrast of at least 4.5 in both schemes. */
export const pageStyle = `
:root { color-scheme: light dark; --text: #1d2125; --soft: #59636e; --line: #d8dde3; --ground: #ffffff;
  --raised: #f5f7f9; --down: #b3261e; --late: #8a5300; --up: #17693a; --new: #4d5761; --downrow: #fdf1f0; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ec; --soft: #9aa5b1; --line: #343b43; --ground: #15181c;
  --raised: #1d2126; --down: #ff8b82; --late: #f5bd5c; --up: #71d696; --new: #aeb8c2; --downrow: #2a1a1b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 3rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { display: flex; align-items: center; gap: .5rem; margin: 0; font-size: 1.5rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
h3 { margin: .75rem 0 .35rem; font-size: .95rem; color: var(--soft); font-weight: 600; }
p { margin: .6rem 0; }
code, pre { font: .875em/1.55 ui-monospace, monospace; }
pre { margin: 0; padding: .8rem 1rem; overflow-x: auto; background: var(--raised); border: 1px solid var(--line);
  border-radius: 8px; }
pre code { font-size: .8125rem; }
.soft, .none { color: var(--soft); }
.away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.counts { font-size: 1.25rem; font-weight: 600; }
.counts .sep { color: var(--soft); padding: 0 .15rem; }
.note { padding: .6rem 1rem; background: var(--raised); border-left: 3px solid var(--soft); border-radius: 4px; }
.trouble { border-left-color: var(--down); color: var(--down); font-weight: 600; overflow-wrap: anywhere; }
.how { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr)); gap: 0 1.25rem; }
.how > div { min-width: 0; }
.status { white-space: nowrap; font-weight: 600; }
.status::before { content: ""; display: inline-block; width: .62em; height: .62em; margin-right: .45em;
  border-radius: 50%; background: currentColor; }
.down > .status, .status.down { color: var(--down); }
.status.down::before { border-radius: 1px; }
.status.late { color: var(--late); } .status.up { color: var(--up); } .status.new { color: var(--new); }
.status.paused { color: var(--new); } .status.paused::before { border-radius: 1px; width: .3em; }
.status.new::before { background: none; box-shadow: inset 0 0 0 2px currentColor; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
th, td { padding: .45rem .75rem .45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: .6rem; }
thead th { color: var(--soft); font-size: .8125rem; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; overflow-wrap: anywhere; white-space: pre-wrap; min-width: 10rem; max-width: 30rem; }
tr.down { background: var(--downrow); }
time { white-space: nowrap; }
a { color: inherit; } .back { margin: 0 0 .4rem; font-size: .875rem; color: var(--soft); }
h1 .name { overflow-wrap: anywhere; } h1 .status { font-size: 1rem; }
.tag { padding: .1rem .5rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .8125rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13rem, 100%), 1fr)); gap: .75rem 1.25rem; margin: 1.25rem 0; }
.facts dt { color: var(--soft); font-size: .8125rem; } .facts dd { margin: 0; overflow-wrap: anywhere; }
.uptimes { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
.days { display: flex; gap: 2px; margin: .5rem 0 0; padding: 0; list-style: none; height: 2.25rem; }
.days li { position: relative; flex: 1 1 0; min-width: 2px; border-radius: 2px; background: var(--line); }
.days .up, .bar.up { background: var(--up); } .days .some, .bar.some { background: var(--late); }
.days .down, .bar.down { background: var(--down); }
.days .unknown, .bar.unknown { background: repeating-linear-gradient(45deg, var(--soft) 0 2px, var(--line) 2px 5px); }
.bar { display: inline-block; width: .75em; height: .75em; margin-left: .6em; border-radius: 2px; background: var(--line); }
.days-ends { display: flex; justify-content: space-between; margin: .15rem 0; color: var(--soft); font-size: .8125rem; }
.legend { color: var(--soft); font-size: .8125rem; }
.wrap { overflow-wrap: anywhere; max-width: 28rem; } details pre { max-height: 20rem; overflow: auto; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .875rem; }
@media (max-width: 44rem) {
  body { padding: 1rem .9rem 2rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody { display: block; }
  tbody tr { display: grid; grid-template-columns: auto 1fr; gap: 0 .75rem; padding: .6rem .75rem; margin: .6rem 0;
    border: 1px solid var(--line); border-radius: 8px; }
  tbody td, tbody th { padding: .1rem 0; border: 0; }
  tbody td:first-child { padding: .1rem 0; }
  tbody th { min-width: 0; max-width: none; font-weight: 600; }
  tbody td[data-label] { grid-column: 1 / -1; position: relative; padding-left: 8rem; }
  tbody td[data-label]::before { content: attr(data-label); position: absolute; left: 0; color: var(--soft); }
  tbody td:has(.none) { display: none; }
}
`;
