"""Pattern 1: a plugin that offers a service to other plugins, and one that uses it.

    python docs/examples/ecosystem/service_plugin.py

prints

    loaded 13 words
    'plugin' stands at 10
"""

from typing import Protocol, runtime_checkable

from st.core import EpochStart, Plugin, PluginContext, PluginMetadata, Registry, ServiceKey


@runtime_checkable
class Vocabulary(Protocol):
    """The contract: what users may rely on, and nothing about who provides it."""

    def index(self, word: str) -> int:
        """The place of a word."""


# In a real package the key lives in a module that both sides import.
VOCABULARY: ServiceKey[Vocabulary] = ServiceKey("example.vocabulary", Vocabulary, version="1.0")


class Words:
    """One implementation of the contract."""

    def __init__(self, text: str) -> None:
        self._words = text.split()
        print(f"loaded {len(self._words)} words")

    def index(self, word: str) -> int:
        """The place of a word."""
        return self._words.index(word)


class VocabularyPlugin(Plugin):
    """Offers the service. The words are read when somebody first asks for them."""

    metadata = PluginMetadata("vocabulary", "1.0", provides=("example.vocabulary>=1.0",))

    def on_load(self, ctx: PluginContext) -> None:
        """Offer the service; it is withdrawn when the plugin unloads."""
        text = "components can be found and loaded at run time: a plugin finds plugins"
        ctx.register_service(VOCABULARY, factory=lambda: Words(text))


class LookupPlugin(Plugin):
    """Uses the service, whoever provides it."""

    metadata = PluginMetadata("lookup", "1.0", requires_services=("example.vocabulary>=1.0",))

    def on_load(self, ctx: PluginContext) -> None:
        """Look one word up at every epoch."""
        vocabulary = ctx.get_service(VOCABULARY)
        ctx.subscribe(
            EpochStart, lambda _: print(f"'plugin' stands at {vocabulary.index('plugin')}")
        )


def main() -> None:
    """Load both, publish one event, and take both down again."""
    with Registry() as registry:
        registry.register(VocabularyPlugin)
        registry.register(LookupPlugin)
        registry.bus.publish(EpochStart(epoch=1))


if __name__ == "__main__":
    main()
