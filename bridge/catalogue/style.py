"""How the page looks: dark, calm, and one column on a phone."""

STYLE = """
:root { color-scheme: dark; --paper: #16181d; --card: #1c1f26; --line: #2a2e37; --ink: #e8e6e3; --faint: #9aa0ac;
  --accent: #6cc5b0; --unsure: #f0b95a; }
* { box-sizing: border-box; }
html { scroll-padding-top: 8.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 1rem; }
header h1 { font-size: 1.5rem; font-weight: 600; margin: 1.5rem 0 .25rem; }
header p, footer { color: var(--faint); margin: .25rem 0; max-width: 46rem; }
footer { padding: 2rem 1rem 3rem; font-size: .85rem; }
kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 .35em; font: inherit; font-size: .85em; }
.finder { position: sticky; top: 0; z-index: 2; background: var(--paper); border-bottom: 1px solid var(--line);
  max-width: none; padding: .75rem max(1rem, calc((100% - 1180px) / 2 + 1rem)); }
.finder input { width: 100%; max-width: 30rem; padding: .55rem .8rem; font: inherit; color: var(--ink);
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.finder nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-top: .5rem; font-size: .9rem; }
.finder output { color: var(--faint); margin-left: auto; }
a { color: var(--accent); text-underline-offset: .2em; }
.finder nav a { text-decoration: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
section > h2 { font-size: 1rem; font-weight: 600; color: var(--faint); margin: 2rem 0 .75rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem;
  margin-bottom: 1rem; }
article h3 { margin: 0 0 .5rem; font-size: 1.25rem; font-weight: 600; }
article h4 { margin: 1rem 0 .5rem; font-size: .85rem; font-weight: 400; color: var(--faint); }
.sounds { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(240px, 100%), 1fr)); gap: 1rem;
  list-style: none; margin: 0; padding: 0; }
.sounds li { min-width: 0; }
.play { display: block; position: relative; border-radius: 8px; overflow: hidden; background: #121418;
  line-height: 0; }
.play img { width: 100%; height: 96px; image-rendering: auto; }
.play .hz { position: absolute; left: .35rem; transform: translateY(50%); font-size: .65rem; line-height: 1;
  color: var(--ink); opacity: .6; text-shadow: 0 0 3px #121418, 0 0 3px #121418; }
.play .sign { position: absolute; right: .5rem; top: .5rem; width: 1.75rem; height: 1.75rem; border-radius: 50%;
  background: rgb(22 24 29 / .75); }
.play .sign::after { content: ""; position: absolute; left: 37%; top: 27%; border-style: solid;
  border-width: .4rem 0 .4rem .65rem; border-color: transparent transparent transparent var(--ink); }
.play.on .sign::after { left: 30%; top: 30%; width: 40%; height: 40%; border: 0; background: var(--accent); }
.play .needle { position: absolute; top: 0; bottom: 0; left: 0; width: 2px; background: var(--accent); opacity: 0; }
.play.on .needle { opacity: 1; }
.prompt { display: block; margin-top: .4rem; }
.told { display: flex; flex-wrap: wrap; gap: 0 .75rem; align-items: baseline; font-size: .8rem; color: var(--faint); }
.told .unsure { color: var(--unsure); }
.told button { margin-left: auto; font: inherit; color: var(--accent); background: none; border: 0; padding: .15rem;
  cursor: pointer; }
details { margin-top: 1rem; font-size: .9rem; color: var(--faint); }
summary { cursor: pointer; }
.words { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: .5rem 0 0; padding: 0; }
.hit { color: var(--accent); }
[hidden] { display: none !important; }
@media (max-width: 600px) { .sounds { grid-template-columns: 1fr 1fr; gap: .75rem; } .prompt { line-height: 1.3; }
  article { padding: .75rem; } }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
"""
