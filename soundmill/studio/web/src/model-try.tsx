// The champion on a file, or on the microphone.

import { render } from "preact";
import { TryPage } from "./model-try-page.tsx";

const place = document.getElementById("model-try")!;
render(<TryPage worklet={place.dataset["worklet"] ?? ""} />, place);
