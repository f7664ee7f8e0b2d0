"""A trained model behind HTTP: python docs/examples/serve.py runs/digits-1 8000.

Ask it with: curl -d '[[0, 0, 5, …]]' localhost:8000; any WSGI server takes `application(model)`.
"""

import json
import sys
from wsgiref.simple_server import make_server

import st.nn


def application(model):
    """Return a WSGI application that takes rows of numbers as JSON and names their classes."""

    def answer(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            status, said = "200 OK", {"classes": model.predict(json.loads(body))}
        except (ValueError, TypeError) as error:  # no JSON, no numbers, or another shape
            status, said = "400 Bad Request", {"error": str(error)}
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(said).encode()]

    return answer


if __name__ == "__main__":
    with make_server("localhost", int(sys.argv[2]), application(st.nn.load(sys.argv[1]))) as server:
        print(f"http://localhost:{server.server_port}", flush=True)
        server.serve_forever()
