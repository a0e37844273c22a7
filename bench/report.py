"""Results as a table in Markdown."""


def number(value):
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def value_text(row):
    value = row["value"]
    if value is None:
        return "–"
    unit = "×" if row["unit"] == "ratio" else row["unit"]
    text = f"{number(value['median'])} {unit}"
    if value["low"] != value["high"]:
        text += f" [{number(value['low'])}, {number(value['high'])}]"
    return text


def bar_text(row):
    if row["bar"] is None:
        return "–"
    return f"≤ {row['bar']:g} {'×' if row['unit'] == 'ratio' else row['unit']}"


def peers_text(row):
    return "; ".join(f"{name} {number(p['p50_ms'])} / {number(p['p99_ms'])}" for name, p in row["peers"].items())


def table(results):
    machine = results["machine"]
    lines = [
        f"{results['date']}, commit {machine['commit']}: {machine['cpus']} × {machine['cpu']}, {machine['memory_gib']} GiB, "
        f"Linux {machine['kernel']}, {machine['dockerd']}, {machine['haproxy']}.",
        f"Load before {results['load_before'][0]:.1f}, after {results['load_after'][0]:.1f}.",
        "",
    ]
    if results["quick"]:
        lines += ["**A smoke run: these numbers mean nothing.**", ""]
    lines += [
        "| what | bar | measured [95 % interval] | met | p50 / p99 in ms | note |",
        "|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        met = {True: "yes", False: "**no**", None: "–"}[None if results["quick"] else row["met"]]
        lines.append(
            f"| {row['what']} | {bar_text(row)} | {value_text(row)} | {met} | {peers_text(row)} | {row['note']} |"
        )
    return "\n".join(lines) + "\n"
