// The page of a labelling round: one session after another.

import { render } from "preact";
import { RoundPage } from "./round-page.tsx";

const place = document.getElementById("round")!;
render(<RoundPage name={place.dataset.of!} />, place);
