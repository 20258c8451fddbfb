// SPDX-License-Identifier: MIT
// Which page the address names. It stands behind the '#', so that links and the browser's "back" work, whichever address
// the server has the page at.

/* "#/service/training?range=6h" -> {name: "service", id: "training", query}; "#/" is "services". */
export function parse(hash) {
        const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
        const [name, id] = path.split("/").map(part => {
                try {
                        return decodeURIComponent(part);
                } catch {
                        return part;
                }
        });
        return {name: name || "services", id: id || null, query: new URLSearchParams(query)};
}

export function link(name, id, query = {}) {
        const values = new URLSearchParams(query).toString();
        return `#/${name === "services" ? "" : name}${id ? `/${encodeURIComponent(id)}` : ""}${values ? `?${values}` : ""}`;
}

export const serviceLink = (id, query) => link("service", id, query);
