"""The one catalogue: Chinese sentences are the ids, English their translation (see __main__)."""
