// Where the page is served while its project is edited: it is read anew when it has changed.

new EventSource("changes").addEventListener("changed", () => location.reload());
