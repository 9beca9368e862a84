"""What notebooks show: records as a table, and a figure of them."""

import ipykernel
import matplotlib as mpl
import pandas as pd
import tqdm

from langgraph_agentstore import DataStoreRecord

assert ipykernel.version_info
assert tqdm.__version__
mpl.use("agg")
from matplotlib import pyplot as plt  # noqa: E402 - after the choice of a backend

table = pd.DataFrame({"key": ["a", "b"], "value": [1, 2]})
table.plot(x="key", y="value")
plt.savefig("values.png")
assert DataStoreRecord.__doc__
