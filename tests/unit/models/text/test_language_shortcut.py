"""Two words that only English has make a text English without a further look: so no other language may have two."""

from __future__ import annotations

import pytest

from models.text import language

# Plain complaints, some thanks, as airlines get them, with the words that English shares: was, will, had, we, her, of …
OTHERS = {
    "Dutch": """
        Vlucht alweer geannuleerd en niemand aan de balie kan ons helpen
        Onze vlucht had zes uur vertraging en we kregen geen uitleg
        We hadden recht op compensatie maar krijgen niets, want het was overmacht
        Het was mooi geweest als we even bericht hadden gekregen
        We moesten drie uur wachten want er was geen vliegtuig, schandalig
        Mijn koffer is weg en niemand had tijd, want we zijn maar klanten
        Ik had gehoopt dat het beter was, maar de service blijft verschrikkelijk
        Wil iemand mij vertellen of mijn koffer nog in Parijs is?
        Mijn been zat klem tussen de stoelen, wat een krappe rij was dat
        Is dit een grap of hoe zit het, de app werkt weer niet
        Bedankt voor de snelle reactie
        Het was een ramp, we had nooit moeten vliegen met deze maatschappij
        Thanks voor niks, onze flight is weer geannuleerd
        we zijn weer boos op jullie""",
    "German": """
        Was will die Airline eigentlich, mein Koffer ist seit drei Tagen verschwunden
        Ich will endlich meine Erstattung, was soll das
        Keine Ahnung was los ist, aber niemand will uns etwas sagen
        Ich will mein Geld zurück, das was ihr macht ist Betrug
        Was für ein Chaos heute im Flughafen, ich will nur nach Hause
        Seit Stunden im Flieger, niemand will sagen was los ist
        Das Warten war lang, im Terminal was zu essen zu finden unmöglich
        Flug wurde kurzfristig gestrichen und niemand informiert uns
        Man hat uns still und leise umgebucht, was ist das denn
        In der Not hilft einem bei euch niemand, so ein Service
        Danke an die tolle Crew, war ein super Flug
        Unser Flight ist weg, der Server ist down, was will man mehr
        Will denn keiner was sagen?""",
    "Danish": """
        Vi have ikke fået vores kufferter her endnu, det er en skandale
        Vi er her endnu, hvad have vi gjort, forsinket igen
        Kan vi snart få at vide hvad der sker her
        Vi har ventet i fire timer her i lufthavnen
        Min kuffert er væk og kundeservice svarer ikke
        Flyet er en time forsinket og her er ingen at spørge
        I kan ikke love noget, man må bare vente her en time til
        Hvornår får vi vores penge tilbage for det aflyste fly?
        Tak for en god tur og en sød besætning
        Fem timer i kø for at tjekke ind, det er til grin
        Vi skulle have været hjemme i går, her er ingen hjælp""",
    "Swedish": """
        Just nu sitter vi fast på flygplatsen och ingen svarar i telefon
        Jag har väntat i tre timmar och ingen har hört av sig
        Min väska är borta igen, vilken usel service
        Flyget är inställt och just nu finns ingen ombokning att få
        Varför svarar ni inte på mina mejl om ersättning?
        Vi hade bokat fönsterplats men fick sitta längst bak
        Tack för en fin resa och en trevlig besättning
        Fyra timmars försening och inte ens en kopp kaffe
        Aldrig mer det här bolaget, man får ingen hjälp alls
        Är det någon som vet var bagaget från Paris är?
        Det var en katastrof från start till mål""",
    "Norwegian": """
        Vi har ventet her i to timer og ingen vet noe
        Bagasjen min er borte og her er det ingen å snakke med
        Flyet ble kansellert en time før avgang, helt håpløst
        Når får jeg pengene tilbage for billetten?
        Like dårlig service som sist, aldri mer
        Hvorfor er det ingen som svarer når man ringer dere?
        Takk for en fin tur og et hyggelig mannskap
        Fire timer forsinket, og ingen vil si hva som skjer
        Jeg vil ha refusjon, dette er ikke greit
        Det her er det verste flyselskapet jeg har reist med""",
    "Spanish": """
        Mi maleta lleva tres días perdida y nadie contesta
        Otra vez retrasado el vuelo, nadie nos dice nada en la puerta
        No has respondido a mis mensajes y ya he perdido la conexión
        Me has cobrado dos veces el billete, quiero mi dinero
        Nos dejaron tirados en Paris sin hotel ni comida
        Pésimo servicio, cuatro horas de cola para facturar
        Gracias a la tripulación por un vuelo estupendo
        Vuelo cancelado sin aviso y el teléfono no lo coge nadie
        Nunca más vuelo con esta compañía, qué vergüenza
        He llamado diez veces y me cuelgan, es una estafa
        Llevamos una hora dentro del avión sin aire""",
    "Italian": """
        Il volo è stato cancellato e nessuno ci ha avvisato, che vergogna
        La mia valigia è persa da tre giorni e nessuno risponde
        Come mai nessuno risponde al telefono da due ore?
        Siamo ancora in aeroporto, cinque ore di ritardo senza un panino
        Voglio il rimborso del biglietto, non un buono
        Servizio pessimo, mai più con questa compagnia
        Grazie a tutto il personale di bordo per la gentilezza
        Mi avete fatto perdere la coincidenza e ora dormo per terra
        La app non funziona e al banco non c'è anima viva
        Bagaglio rotto e nessuno che se ne assuma la colpa
        Ma come si fa a trattare la gente in questo modo""",
    "Portuguese": """
        A minha mala desapareceu e ninguém responde
        O voo foi cancelado e o time de vocês some do balcão
        Estou há quatro horas na fila e ninguém dá informação
        Quero meu dinheiro de volta, que falta de respeito
        Perdi a conexão por causa do atraso e não me deram hotel
        Nunca mais voo com essa empresa, péssimo atendimento
        Obrigada à tripulação pelo carinho no voo de hoje
        O site não funciona e o telefone só dá ocupado
        Mais uma vez o voo atrasou sem explicação nenhuma
        Me venderam um assento que não existe, vergonha
        Há três dias sem bagagem e sem resposta""",
    "French": """
        Toujours pas de nouvelles de ma valise, trois jours que j'attends
        Le vol dont vous parlez est annulé et personne ne répond
        Dans quel but nous faire attendre quatre heures sans eau ?
        Trois jours sans ma valise, merci pour rien
        Encore un retard, plus jamais cette compagnie
        On nous a laissés dans l'avion une heure sans explication
        Merci à tout l'équipage pour ce vol agréable
        Le remboursement dont on m'a parlé n'est jamais venu
        Service client injoignable, c'est une honte
        Votre site ne marche pas et le comptoir est fermé""",
    "others": """
        Zborul are întârziere și bagajele are cineva în grijă, dar cine
        Her gün aynı şey, uçak yine rötar yaptı ve her yerde kuyruk
        Lento on peruttu eikä kukaan vastaa puhelimeen
        Need inimesed ei tea midagi, need kohvrid on kadunud
        Samolot opóźniony, my czekamy trzy godziny i nikt nic nie wie
        My jsme tady tři hodiny a my pořád nevíme nic
        A bőröndöm három napja eltűnt, senki nem válaszol
        Ég get ekki beðið lengur, töskurnar eru týndar
        Penerbangan saya dibatalkan dan tidak ada yang membantu
        Fa un any que espero el reemborsament, any rere any""",
}
ENGLISH = """
    my bag was lost again and nobody answers the phone
    We have been waiting for three hours and they will not tell us why
    you cancelled our flight and the app doesn't work
    thank you for the lovely flight today!
    Why would you sell seats that don't exist?
    been on hold for two hours, this is ridiculous
    they're the worst airline, I want my money back
    what's going on with flight 212?
    Delayed three hours at Heathrow, worst airline ever
    boarding now, see everybody in Boston tomorrow
    her suitcase had a broken wheel and it was new
    no food on board, no water, no apology
    great crew on my way home
    never again"""


def _lines(block: str) -> list[str]:
    return [line.strip() for line in block.strip().splitlines()]


@pytest.mark.parametrize("name", OTHERS)
def test_no_text_in_another_language_is_taken_for_english(name: str) -> None:
    texts = _lines(OTHERS[name])
    assert len(texts) >= 10
    assert [text for text, known in zip(texts, language.detected(texts), strict=True) if known] == []


def test_english_stays_english() -> None:
    texts = _lines(ENGLISH)
    assert [text for text, known in zip(texts, language.detected(texts), strict=True) if not known] == []


def test_the_words_that_english_shares_with_its_neighbours_are_not_among_the_sure_ones() -> None:
    shared = (
        "a an are as at be been but by can come come dont for get had has have her here im in is it just like love me"
    )
    more = "more my need not of on one or over so some still thanks time to too us want was we will flight down help"
    assert not {*shared.split(), *more.split()} & set(language.ENGLISH_WORDS.split())
