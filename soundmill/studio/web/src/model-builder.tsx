// A model put together: days, tags, sources and settings, with what stands against them.

import { render } from "preact";
import { BuilderPage } from "./model-builder-page.tsx";

const place = document.getElementById("model-builder")!;
render(<BuilderPage may={place.dataset["of"] === "engineer"} />, place);
