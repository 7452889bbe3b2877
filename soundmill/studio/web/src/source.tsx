// The page of one source: coverage, noise floor, and what it hears now.

import { render } from "preact";
import { SourcePage } from "./source-page.tsx";

const place = document.getElementById("source")!;
render(<SourcePage source={place.dataset["of"] ?? ""} />, place);
