"""A small cross-encoder, made here, orders the turns that a search found."""

from pathlib import Path
from tempfile import TemporaryDirectory

from raising import error_of
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from langgraph_agentstore.conversations import CrossEncoderRerank, Match, new_turn
from langgraph_agentstore.errors import ConfigurationError

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "purrs", "cat", "dog")

with TemporaryDirectory() as folder:
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    config.num_labels = 1
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab={word: n for n, word in enumerate(WORDS)}).save_pretrained(folder)
    rerank = CrossEncoderRerank(Path(folder))
    scores = rerank("who purrs", [Match(new_turn("t", one, ""), None) for one in ("cat", "dog")])
    assert len(scores) == 2, scores
    assert scores[0] != scores[1], scores
    assert "no-such-folder" in error_of(
        ConfigurationError, lambda: CrossEncoderRerank(f"{folder}/no-such-folder")
    )
