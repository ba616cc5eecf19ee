"""What rules name that does not exist in this installation."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from processors.registry import Registry
from processors.rules import Mistake, Rule


def unknown(rules: Sequence[Rule], source: str, registry: Registry) -> list[Mistake]:
    """Sites and devices that are not there, and rules that listen to nobody."""
    return [mistake for rule in rules for mistake in _unknown(rule, source, registry)]


def _unknown(rule: Rule, source: str, registry: Registry) -> Iterator[Mistake]:
    """What a rule names that does not exist, or never meets."""
    sites = [site.site for site in registry.sites]
    for field, named, known in (
        ("sites", rule.sites, sites),
        ("devices", rule.devices, list(registry.site_of)),
    ):
        for name in named:
            if name not in known:
                yield Mistake(source, rule.rule, field, _not_there(name, known))
    if _all_known(rule, registry) and not any(
        rule.concerns(site, device) for device, site in registry.site_of.items()
    ):
        what = "none of its devices stands at its sites: no device is listened to"
        yield Mistake(source, rule.rule, "devices", what)


def _all_known(rule: Rule, registry: Registry) -> bool:
    return set(rule.devices) <= set(registry.site_of) and set(rule.sites) <= {
        site.site for site in registry.sites
    }


def _not_there(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"there is no {name!r}; {f'did you mean {near[0]}?' if near else 'see the sites file'}"
