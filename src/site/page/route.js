// Addresses: what stands behind the `#`, so that every page and every state of the graph can be shared.

/** {path: ["model", "orders"], query: {column: "amount"}} */
function readRoute() {
  const hash = location.hash.replace(/^#\/?/, "");
  const [path, query] = hash.split("?");
  const decode = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return {
    path: path.split("/").filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query ?? "")),
  };
}

function writeRoute({ path, query }) {
  const words = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  const text = words.toString().replaceAll("+", "%20").replaceAll("%2F", "/").replaceAll("%2C", ",");
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Changes a part of the query; a step of its own in the browser's history unless `quietly`. */
function amend(changes, quietly = false) {
  const route = readRoute();
  Object.assign(route.query, changes);
  const hash = writeRoute(route);
  if (quietly) {
    history.replaceState(null, "", hash);
    show();
  } else if (hash !== location.hash) {
    location.hash = hash;
  }
}
