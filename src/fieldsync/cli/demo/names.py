"""Words the demo data is made of. All invented."""

from __future__ import annotations

FIRST_NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Elena",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "Jonas",
    "Kira",
    "Luis",
    "Maya",
    "Noah",
    "Olga",
    "Pavel",
    "Quinn",
    "Rosa",
    "Sven",
    "Tara",
    "Uma",
    "Victor",
    "Wen",
    "Ximena",
    "Yusuf",
    "Zoe",
]
LAST_NAMES = [
    "Abbott",
    "Barlow",
    "Chaudhry",
    "Dubois",
    "Evans",
    "Fletcher",
    "Goodwin",
    "Hughes",
    "Iqbal",
    "Jarvis",
    "Kendall",
    "Lindqvist",
    "Marsh",
    "Nowak",
    "Osborne",
    "Patel",
    "Quill",
    "Rahman",
    "Sinclair",
    "Thorne",
    "Underwood",
    "Vance",
    "Whitaker",
    "Xu",
    "Yates",
    "Zielinski",
]
STREETS = ("Albion Street", "Bridge Road", "Castle Hill", "Dock Lane", "Elm Grove", "Fulford Road", "Garden Terrace")
CITIES = {"Leeds": "LS", "York": "YO", "Bristol": "BS", "London": "NW"}
"""City and the letters its postal codes begin with."""
CENTRES = {"Leeds": ("53.7997", "-1.5492"), "York": ("53.9591", "-1.0815"), "Bristol": ("51.4545", "-2.5879")}
CENTRES |= {"London": ("51.5074", "-0.1278")}
"""City and where its middle is."""
PRODUCTS = (
    ("Cardiona 10 mg", "Detail", "Cardiovascular", "cardionazole"),
    ("Cardiona 20 mg", "Detail", "Cardiovascular", "cardionazole"),
    ("Respira", "Detail", "Respiratory", "respirazide"),
    ("Neurelle", "Detail", "Neuroscience", "neurelapine"),
    ("Cardiona 10 mg starter pack", "Sample", "Cardiovascular", "cardionazole"),
    ("Respira inhaler sample", "Sample", "Respiratory", "respirazide"),
    ("Neurelle starter pack", "Sample", "Neuroscience", "neurelapine"),
    ("Cardiona patient leaflet", "Promotional Item", "Cardiovascular", "cardionazole"),
)
"""Name, type, family, generic name."""
STRICT_SAMPLE = {
    "Name": "Somnera 5 mg sample",
    "Type": "Sample",
    "Family": "Neuroscience",
    "Generic_Name": "somnerazine",
}
NOTES = (
    "Interested in the dosing data; send the reprint.",
    "Short visit, clinic was busy. Call before the next one.",
    "Asked about tolerability in older patients.",
    "Two patients started since the last visit.",
    "Wants samples of the starter pack.",
    "Prefers mornings before ten.",
)
