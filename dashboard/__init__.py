"""The watch room: pages that a social team leaves open all day, rendered by the server, kept fresh by one stream.

    feed/       what open pages receive: `tweets.scored` and Redis → a frame every 250 ms, encoded once for all readers
    html/       rendering, both languages, headers, who may post, files that browsers load
    pages/      one module a page: an `APIRouter` with a GET and the forms of that page
    templates/  one Jinja template a page, all made of `base.html`; `parts.html` has the macros that pages share
    static/     style sheet and ES modules, written by hand; `room.js` is on every page, `PAGE.js` on one

How a page is made:

- `pages/NAME.py` has `router = APIRouter(route_class=PageRoute)`, reads what it needs from `RoomOf` and returns
  `page(request, room, "NAME.html", …)`. Name it in `html.rendering.PAGES` (the navigation) and in `routes.ROUTERS`.
- A page is whole without script and without the stream: buttons are forms that post to `…/room/NAME/VERB` and answer
  with `back(request, room, "English", …)`, a redirect (303) with one line to show. Every route has
  `dependencies=[require(SCOPE)]` (`api.security.gate`), every form `{{ parts.token() }}`.
- Texts of tweets go through Jinja's autoescape, or through `textContent` in script. No `|safe`, no `innerHTML`, no
  `style=` and no script in a template: the Content-Security-Policy forbids them.
- Every word that people read is `t("English")` in a template and `word("English")` in script; `html/french.json` has
  the French one, and a test finds those that are missing.
- A part marked `data-live="name"` is fetched again and replaced when alerts change, or every `data-every` seconds.
- What is not there (a part of the product, a server that is away) is said on the page in one line.
- Tests: `tests/unit/dashboard` without servers, `tests/trials/dashboard/test_NAME.py` in Chromium on the shared stack.
"""
