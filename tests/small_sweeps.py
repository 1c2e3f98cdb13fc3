"""A sweep of seconds: two variants of one setting on a file of made-up rows."""

ROWS = 80


def write_small_sweep(home, file, question, variants, *, name=""):
    """Write rows and a sweep file of two replicates each; `variants` are {architecture: its one override}."""
    rows = (f"the {('good', 'bad')[n % 2]} text {n},{n % 2}" for n in range(ROWS))
    (home / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    named = f"name: {name}\n" if name else ""
    architectures = "".join(f"  {one}: [model=lstm, {override}]\n" for one, override in variants.items())
    (home / file).write_text(
        f"# {question}\n{named}architectures:\n{architectures}"
        "trials: 1\nreplicates: 2\nbaseline: false\nspace: {}\n"
        "overrides: [data=files, data.train=rows.csv, model.hidden_size=4, trainer.max_epochs=1]\n"
    )
