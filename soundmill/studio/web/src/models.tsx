// All models with their versions, and what becomes of them right now.

import { render } from "preact";
import { ModelsPage } from "./models-page.tsx";

const place = document.getElementById("models")!;
render(<ModelsPage may={place.dataset["of"] === "engineer"} />, place);
