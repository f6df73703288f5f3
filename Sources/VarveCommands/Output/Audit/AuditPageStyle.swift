extension AuditPage {
  /// Two palettes over the same roles, each with contrast of at least 4.5 for text; marks differ in shape as well.
  static let style = """
    :root { color-scheme: light dark;
      --page: #f6f6f3; --card: #ffffff; --line: #dcdcd5; --text: #1c1e21; --soft: #5a5f66;
      --good: #1a6b43; --bad: #b3261e; --bad-soft: #fbe9e7; --note: #7a5200; --note-soft: #fbf1dc;
      --snapshots: #2f6f9f; --forgotten: #8a6d3b; --checks: #1a7f6b; --receipts: #5b6abf;
      --deletions: #7b5ea7; --changes: #61666d; }
    @media (prefers-color-scheme: dark) { :root {
      --page: #131518; --card: #1b1e22; --line: #33383f; --text: #e6e7e9; --soft: #a0a6ae;
      --good: #69c795; --bad: #ff8a80; --bad-soft: #3a1f1d; --note: #e6bd6a; --note-soft: #332a17;
      --snapshots: #6fb1e0; --forgotten: #cfae73; --checks: #5cc7b2; --receipts: #9ba8f0;
      --deletions: #b99be0; --changes: #9aa1a9; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--text);
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; }
    main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
    header p { margin: 0; color: var(--soft); }
    header .mono { overflow-wrap: anywhere; }
    h1 { margin: .35rem 0 .5rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em; }
    h1.good { color: var(--good); } h1.bad { color: var(--bad); }
    h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; }
    .mono, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
    .first { margin: 1.25rem 0 0; padding: .9rem 1.1rem; background: var(--bad-soft);
      border-left: 4px solid var(--bad); border-radius: 4px; overflow-wrap: anywhere; }
    .first b { color: var(--bad); }
    dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px;
      margin: 1.75rem 0 0; background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
    dl.facts div { background: var(--card); padding: .8rem 1rem; }
    dl.facts dt { color: var(--soft); font-size: .82rem; }
    dl.facts dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
    dl.facts dd small { font-size: .82rem; color: var(--soft); display: block; }
    figure { margin: 0; padding: 1rem 1rem .5rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
    .scroll { overflow-x: auto; }
    .scroll:focus-visible { outline: 2px solid var(--snapshots); }
    svg { display: block; width: 100%; min-width: 44rem; height: auto; }
    svg text { fill: var(--text); font-size: 12px; } svg text.soft { fill: var(--soft); }
    svg .rule { stroke: var(--line); stroke-width: 1; }
    svg .snapshots { fill: var(--snapshots); } svg .forgotten { fill: var(--forgotten); }
    svg .checks { fill: var(--checks); } svg .receipts { fill: var(--receipts); }
    svg .deletions { fill: var(--deletions); } svg .changes { fill: var(--changes); } svg .broken { fill: var(--bad); }
    figcaption { color: var(--soft); font-size: .85rem; margin: .5rem 0; }
    ol.findings { list-style: none; margin: 0; padding: 0; }
    ol.findings li { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--bad);
      border-radius: 4px; padding: .6rem .9rem; margin: 0 0 .5rem; overflow-wrap: anywhere;
      display: grid; grid-template-columns: 8.5rem 1fr; gap: .6rem; align-items: baseline; }
    @media (max-width: 40rem) { ol.findings li { grid-template-columns: 1fr; gap: 0; } }
    ol.findings li.notice { border-left-color: var(--note); }
    ol.findings .kind { font-size: .82rem; font-weight: 600; color: var(--bad); }
    ol.findings li.notice .kind { color: var(--note); }
    table { width: 100%; border-collapse: collapse; background: var(--card); font-size: .92rem; }
    th, td { padding: .45rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
    th { color: var(--soft); font-weight: 600; font-size: .82rem; white-space: nowrap; }
    td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
    td.nowrap { white-space: nowrap; }
    table.short { max-width: 26rem; } code { overflow-wrap: anywhere; }
    details { margin: .75rem 0; } summary { cursor: pointer; color: var(--soft); }
    details .mono { overflow-wrap: anywhere; }
    .assumed { color: var(--soft); max-width: 46rem; }
    footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
    @media print { body { background: #fff; } main { max-width: none; padding: 0; } figure, dl.facts { break-inside: avoid; } }
    """
}
