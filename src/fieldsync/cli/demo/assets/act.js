// A slide tells its player what was touched: that becomes a line of the call's clickstream.
for (const button of document.querySelectorAll("button")) {
  button.addEventListener("click", () => {
    const question = document.querySelector("h1").textContent;
    document.getElementById("said").textContent = `Thank you: ${button.textContent.toLowerCase()}.`;
    parent.postMessage({ fieldsync: { element: "Poll", question, answer: button.textContent } }, "*");
  });
}
