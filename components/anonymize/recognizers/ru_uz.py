"""All recognizers of Russian and Uzbek talk, in the order of the types they find."""

from components.anonymize.recognizers.base import Recognizer
from components.anonymize.recognizers.ru_addresses import RussianAddressRecognizer
from components.anonymize.recognizers.ru_dates import RussianAgeRecognizer, RussianDateRecognizer
from components.anonymize.recognizers.ru_documents import RussianDocumentRecognizer
from components.anonymize.recognizers.ru_handles import RussianHandleRecognizer
from components.anonymize.recognizers.ru_names import RussianNameRecognizer
from components.anonymize.recognizers.ru_organizations import RussianOrganizationRecognizer
from components.anonymize.recognizers.ru_phones import RussianPhoneRecognizer
from components.anonymize.recognizers.ru_places import RussianTownRecognizer
from components.anonymize.recognizers.ru_professions import RussianProfessionRecognizer
from components.anonymize.recognizers.uz_addresses import UzbekAddressRecognizer
from components.anonymize.recognizers.uz_dates import UzbekAgeRecognizer, UzbekDateRecognizer
from components.anonymize.recognizers.uz_documents import UzbekDocumentRecognizer
from components.anonymize.recognizers.uz_names import UzbekNameRecognizer
from components.anonymize.recognizers.uz_organizations import UzbekOrganizationRecognizer
from components.anonymize.recognizers.uz_phones import UzbekPhoneRecognizer
from components.anonymize.recognizers.uz_places import UzbekTownRecognizer
from components.anonymize.recognizers.uz_professions import UzbekProfessionRecognizer

RUSSIAN_UZBEK: tuple[type[Recognizer], ...] = (
    RussianNameRecognizer,
    UzbekNameRecognizer,
    RussianPhoneRecognizer,
    UzbekPhoneRecognizer,
    RussianHandleRecognizer,
    RussianDocumentRecognizer,
    UzbekDocumentRecognizer,
    RussianAddressRecognizer,
    UzbekAddressRecognizer,
    RussianDateRecognizer,
    UzbekDateRecognizer,
    RussianAgeRecognizer,
    UzbekAgeRecognizer,
    RussianOrganizationRecognizer,
    UzbekOrganizationRecognizer,
    RussianTownRecognizer,
    UzbekTownRecognizer,
    RussianProfessionRecognizer,
    UzbekProfessionRecognizer,
)
