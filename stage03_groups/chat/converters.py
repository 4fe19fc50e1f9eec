from django.urls import register_converter
from django.urls.converters import StringConverter


class RoomConverter(StringConverter):
    regex = "[A-Za-z0-9_-]{1,50}"  # Not \w: it also matches letters such as é.


register_converter(RoomConverter, "room")
