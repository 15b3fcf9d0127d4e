from fastapi import Request


def path_to(request: Request, route: str, **parameters: object) -> str:
    """Where a route is for the client of this request, below the proxy's root path."""
    return f"{request.scope.get('root_path', '')}{request.app.url_path_for(route, **parameters)}"
