/// The look of the pages: quiet and dense, one accent colour, text with contrast of at least 4.5 in light and dark.
enum PageStyle {
  static let icon = """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0f5b63"/>\
    <path d="M3 4.5h10M3 7h10M3 8.8h10M3 11.6h10" stroke="#fff" stroke-width="1.1"/></svg>
    """

  static let text = """
    :root { color-scheme: light dark;
      --page: #fbfaf7; --bar: #f1efe9; --line: #dad7ce; --faint: #e9e6de; --text: #1d1f20; --soft: #5c6064;
      --accent: #0f5b63; --wash: #0f5b6322; --good: #1d6b3f; --warn: #7d5300; --bad: #a8201a; --bad-wash: #a8201a12; }
    @media (prefers-color-scheme: dark) { :root {
      --page: #15181a; --bar: #1c2022; --line: #363c3f; --faint: #262b2e; --text: #e4e6e6; --soft: #a3aaad;
      --accent: #6fc3cc; --wash: #6fc3cc26; --good: #79c99a; --warn: #e2b865; --bad: #ff938a; --bad-wash: #ff938a14; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.45 "Inter", "Source Sans 3",
      "Segoe UI", system-ui, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums lining-nums; }
    a { color: var(--accent); text-underline-offset: .18em; text-decoration-thickness: 1px; }
    a:hover { text-decoration-thickness: 2px; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
    .skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--page);
      padding: .3rem .6rem; z-index: 2; }
    .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    .bar { background: var(--bar); border-bottom: 1px solid var(--line); }
    .bar > div { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .6rem; max-width: 76rem;
      margin: 0 auto; padding: .5rem 1.25rem; }
    .mark { width: 1rem; height: 1rem; background: repeating-linear-gradient(var(--accent) 0 2px, transparent 2px 3px,
      var(--accent) 3px 4px, transparent 4px 6px); }
    .name { font-weight: 650; letter-spacing: .01em; color: var(--text); text-decoration: none; margin-right: 1.2rem; }
    .bar nav ul { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; margin: 0; padding: 0; list-style: none; }
    .bar nav a { color: var(--soft); text-decoration: none; padding: .2rem 0; display: inline-block; border-bottom: 2px solid transparent; }
    .bar nav a:hover { color: var(--text); } .bar nav a[aria-current] { color: var(--text); border-color: var(--accent); }
    .leave { margin-left: auto; display: flex; gap: .6rem; align-items: center; color: var(--soft); }
    main { max-width: 76rem; margin: 0 auto; padding: 1.4rem 1.25rem 2.5rem; } main:focus { outline: none; }
    footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem 2rem; color: var(--soft); font-size: .86rem; }
    h1 { font-size: 1.45rem; line-height: 1.25; font-weight: 640; margin: 0; letter-spacing: -.005em; overflow-wrap: anywhere; }
    h1.bad { color: var(--bad); } h1.warn { color: var(--warn); }
    h2 { font-size: 1rem; font-weight: 640; margin: 1.9rem 0 .5rem; }
    p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; } .number + :not(.number) { padding-left: .8rem; } .sub, .soft { color: var(--soft); } .sub { margin: .15rem 0 0; }
    .scroll { position: relative; overflow-x: auto; border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); }
    table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: var(--soft); padding: .35rem 0; }
    th, td { text-align: left; padding: .32rem 1rem .32rem 0; vertical-align: baseline; white-space: nowrap; font-weight: 400; }
    thead th { color: var(--soft); font-size: .84rem; border-bottom: 1px solid var(--line); padding-top: .4rem; }
    tbody tr + tr > * { border-top: 1px solid var(--faint); } tbody tr:hover { background: var(--faint); }
    .number { text-align: right; } .wide { white-space: normal; min-width: 16rem; overflow-wrap: anywhere; }
    .strip { padding-top: 0; padding-bottom: 0; vertical-align: middle; }
    .state { white-space: nowrap; font-weight: 560; } .state.good { color: var(--good); } .state.warn { color: var(--warn); }
    .state.bad { color: var(--bad); } .state.busy { color: var(--accent); }
    .problems { list-style: none; margin: 0; padding: 0; border-left: 3px solid var(--bad); background: var(--bad-wash); }
    .problems li { padding: .38rem .9rem; overflow-wrap: anywhere; } .problems li + li { border-top: 1px solid var(--faint); }
    .problems .state { display: inline-block; min-width: 7.5rem; } .problems b { font-weight: 600; margin-right: .5rem; }
    dl.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.2rem; margin: .9rem 0 0; } dl.facts dt { color: var(--soft); font-size: .84rem; }
    dl.facts dd { margin: 0; font-size: 1.08rem; } dl.facts dd small { color: var(--soft); font-size: .84rem; }
    figure { margin: .4rem 0 0; min-width: 0; } figcaption { color: var(--soft); font-size: .86rem; margin-top: .2rem; }
    .plot { display: block; width: 100%; min-width: 40rem; height: auto; } .plot text { fill: var(--text); font-size: 11.5px; }
    .plot .tick { fill: var(--soft); font-size: 11px; } .plot .grid { stroke: var(--faint); } .plot .rule { stroke: var(--line); }
    .plot .ink { fill: var(--accent); } .plot .hollow { fill: var(--page); stroke: var(--accent); stroke-width: 1.5; }
    .plot .cross { fill: none; stroke: var(--bad); stroke-width: 2; } .plot .curve { fill: none; stroke: var(--accent); stroke-width: 1.6; }
    .plot .area { fill: var(--wash); } .plot .target { stroke: var(--text); stroke-dasharray: 4 3; }
    .days rect { fill: var(--accent); } .days .none { fill: var(--line); } .days { display: block; }
    .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0 2.5rem; } .pair .plot { min-width: 0; }
    .pair .plot text { font-size: 21px; } .pair .plot .tick { font-size: 20px; }
    details { margin: .5rem 0; } summary { cursor: pointer; color: var(--accent); width: fit-content; }
    .crumbs { display: flex; flex-wrap: wrap; gap: .1rem .35rem; list-style: none; padding: 0; margin: .5rem 0 .8rem; overflow-wrap: anywhere; }
    .crumbs li + li::before { content: "/"; color: var(--soft); margin-right: .35rem; }
    .mono { font-family: "JetBrains Mono", ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; }
    button, input, select { font: inherit; color: inherit; } button { background: transparent; border: 1px solid var(--line);
      border-radius: 3px; padding: .16rem .6rem; cursor: pointer; } button:hover { border-color: var(--accent); color: var(--accent); }
    button.main { background: var(--accent); border-color: var(--accent); color: var(--page); padding: .3rem 1rem; }
    input { background: var(--page); border: 1px solid var(--soft); border-radius: 3px; padding: .3rem .5rem; }
    .login { max-width: 26rem; margin: 3rem auto; } .login label { display: block; margin: 1rem 0 .25rem; }
    .login input { width: 100%; } .login button { margin-top: .8rem; } .error { color: var(--bad); font-weight: 560; }
    @media (prefers-reduced-motion: no-preference) { a, button { transition: color .12s, border-color .12s; } }
    @media print { .bar nav, .leave, .skip, button { display: none; } body { background: #fff; } }

    """
}
