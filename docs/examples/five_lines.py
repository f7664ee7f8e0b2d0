"""Train on the digits in five lines; needs st-core and st-nn."""

from st.nn import Linear, Relu, Trainer, read_csv

digits = read_csv("docs/examples/digits.csv.gz", "digit", scale=1 / 16)
learned, held_out = digits.split(0.2, seed=7)
trainer = Trainer([Linear(out_features=256), Relu(), Linear(out_features=10)], seed=7)
trainer.fit(learned, epochs=40)
print(f"{trainer.evaluate(held_out).accuracy:.3f} correct")
