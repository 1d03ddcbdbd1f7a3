"""Old keyword names warn and work."""

import pytest

import simpletext as st
from simpletext.errors import ArgumentError


def test_the_old_name_of_checkpoint_warns_and_works():
    with pytest.warns(DeprecationWarning, match="model_name= is deprecated: pass checkpoint="):
        transformer = st.Transformer(model_name="some/model")
    assert transformer.checkpoint == "some/model"


def test_both_names_are_refused():
    with pytest.raises(ArgumentError, match="Both checkpoint= and its old name model_name="):
        st.Transformer(model_name="some/model", checkpoint="some/model")
