import mimetypes
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpResponse
from django.urls import path

from config.urls import urlpatterns as pages


@login_not_required
def static_file(request, name):
    file = finders.find(name)
    if file is None:
        raise Http404
    kind, _encoding = mimetypes.guess_type(name)
    return HttpResponse(Path(file).read_bytes(), content_type=kind)


urlpatterns = [path("static/<path:name>", static_file), *pages]
