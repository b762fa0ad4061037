// Where this device is, when the person asks for it; the answer stays in the address of this page.
"use strict";

const LOCATE_MS = 10000;
const located = document.getElementById("located");
document.getElementById("locate").addEventListener("click", () => {
  const refused = () => {
    located.textContent = located.dataset.refused;
    located.hidden = false;
    document.getElementById("near").focus();
  };
  if (!navigator.geolocation) return refused();
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => location.assign(`/nearby?lat=${coords.latitude.toFixed(5)}&lon=${coords.longitude.toFixed(5)}`),
    refused,
    { timeout: LOCATE_MS, maximumAge: 60000 },
  );
});
