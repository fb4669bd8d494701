"""What MkDocs does not do by itself: a page for each command, and links out of the site."""

import os
import posixpath
import re

from mkdocs.structure.files import File

ROOT = os.environ["ADVPARAMS_ROOT"]

# Code and links stay as they are; other names of documents become links.
TOKEN = re.compile(
    r"^( *)```.*?^\1```|`[^`\n]+`|!?\[[^\]]*\]\(([^)\s]+)\)|(?<![\w/.-])(?:docs/[\w-]+|THREAT-MODEL|SECURITY|CONTRIBUTING)\.md\b",
    re.MULTILINE | re.DOTALL,
)


def commands(text):
    """The sections of the reference that describe a command or a topic, by name."""
    parts = re.split(r"^## (advparams .+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def on_config(config):
    with open(os.path.join(ROOT, "docs/cli.md"), encoding="utf-8") as f:
        config.extra["commands"] = commands(f.read())
    pages = [{name.removeprefix("advparams "): path(name)} for name in config.extra["commands"]]
    reference = next(group["Reference"] for group in config.nav if "Reference" in group)
    next(entry for entry in reference if "Commands" in entry)["Commands"] = pages
    return config


def path(name):
    return "docs/commands/" + name.replace(" ", "-") + ".md"


def on_files(files, config):
    for name, text in config.extra["commands"].items():
        files.append(File.generated(config, path(name), content=f"# {name}\n{text}"))
    return files


def on_page_markdown(markdown, page, config, files):
    here = posixpath.dirname(page.file.src_uri)

    def follow(match):
        text, target = match.group(0), match.group(2)
        if text.endswith(".md"):
            return f"[{text}]({posixpath.relpath(text, here)})"
        if target is None or "://" in target or target.startswith(("#", "mailto:")):
            return text
        file, _, anchor = target.partition("#")
        source = posixpath.normpath(posixpath.join(here, file))
        for page in (source, source + "/README.md"):
            if files.get_file_from_path(page):
                return text.replace(f"({target})", f"({posixpath.relpath(page, here)}{anchor and '#' + anchor})")
        if not os.path.exists(os.path.join(ROOT, source)):
            return text  # MkDocs complains
        return text.replace(f"({target})", f"({config.extra['source']}/blob/main/{source})")

    return TOKEN.sub(follow, markdown)
