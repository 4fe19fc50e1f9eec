"""The server does not start, in any stage."""

from tests.checker.explain.diagnosis import Diagnosis

DIAGNOSES = [
    Diagnosis(
        "no start",
        r"No module named '(?P<module>channels|daphne|django)'",
        "The Python that runs the server has no package {module}. Start the checks "
        "through learn.py, or activate its environment.",
    ),
    Diagnosis(
        "no start",
        r"'URLPattern' object is not iterable",
        "URLRouter takes a list of routes, also when there is only one: write [ and ] "
        "around it.",
    ),
    Diagnosis(
        "no start",
        r"'URLPattern' object has no attribute 'as_asgi'",
        "as_asgi() belongs to the consumer, not to the route. Write Consumer.as_asgi() "
        "inside the parentheses of path() or re_path().",
    ),
    Diagnosis(
        "no start",
        r"'function' object has no attribute 'as_asgi'",
        "A function that takes (scope, receive, send) is an application already. Name "
        "it in the route as it is, without as_asgi() and without parentheses.",
    ),
    Diagnosis(
        "no start",
        r"uses invalid converter '(?P<name>\w+)'",
        "Django knows no converter '{name}'. Import the file that registers it, under "
        "this name, in each file with a route that uses it.",
    ),
    Diagnosis(
        "no start",
        r"'(?P<name>\w*[Cc]onverter\w*)' object is not callable",
        "register_converter() takes the class, without parentheses: write {name}.",
    ),
    Diagnosis(
        "no start",
        r"(?:ModuleNotFoundError|ImportError): (?P<what>.*)",
        "An import fails: {what}. Compare the spelling with the names of your files. "
        "The first traceback says where. The last one only says that asgi.py could "
        "not be imported.",
    ),
    Diagnosis(
        "no start",
        r"Cannot find '(?P<name>\w+)' in ASGI_APPLICATION module (?P<module>[\w.]+)",
        "ASGI_APPLICATION in settings.py promises an object that is not there: "
        "{module} defines no {name}.",
    ),
    Diagnosis(
        "no start",
        r"SyntaxError: 'await' outside async function",
        "`await` may stand only in an `async def`. Write `async def` in front of the "
        "method that awaits.",
    ),
    Diagnosis(
        "no start",
        r'File "(?P<file>[^"]*)", line (?P<line>\d+)\n(?:    .*\n)*(?:Syntax|Indent'
        r"ation|Tab)Error: (?P<what>.*)",
        "Python cannot read {file}, line {line}: {what}.",
    ),
    Diagnosis(
        "no start",
        r"You must set settings\.ALLOWED_HOSTS if DEBUG is False",
        "settings.py lacks `DEBUG = True`. Without it Django wants to know which hosts "
        "it serves.",
    ),
]
